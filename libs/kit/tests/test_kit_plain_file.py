"""Files that are named by somebody else: none is waited for, none is read without end."""

import errno
import os
from pathlib import Path

import pytest

from penstock_kit.errors import FailedPrecondition
from penstock_kit.installation import read_secret
from penstock_kit.plain_file import read_plain_file
from penstock_kit.yaml_document import read_yaml_document


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_file_is_read_to_its_end_and_one_byte_too_many_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_plain_file(tmp_path / "link", most=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes") as refused:
        read_plain_file(tmp_path / "file", most=4)
    assert refused.value.errno == errno.EFBIG


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(pipe: Path) -> None:
    with pytest.raises(OSError, match="no file but a pipe"):
        read_plain_file(pipe, most=5)
    with pytest.raises(FailedPrecondition, match="no file but a pipe"):
        read_secret(pipe)
    with pytest.raises(FailedPrecondition, match="no file but a pipe"):
        read_yaml_document(str(pipe), setting="LLM_CONFIG_FILE")


def test_a_device_that_never_ends_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "endless").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="no file but a pipe, a socket or a device"):
        read_plain_file(tmp_path / "endless", most=5)
