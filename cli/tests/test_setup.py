"""`scripts/setup`, which makes `.venv`: what it says when it can't. It gets no more programs than it may need."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testkit.servers.process import free_port

ROOT = Path(__file__).parents[2]
NOBODY = 65534
# A shell, coreutils and Python: no sed, no grep, no awk.
PROGRAMS = ("sh", "cat", "date", "dirname", "head", "id", "mkdir", "rm", "touch")


@pytest.fixture
def clone() -> Iterator[Path]:
    """What set-up reads of a clone, in a folder that any user can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "scripts").mkdir()
        for file in ("scripts/setup", *(path.name for path in ROOT.glob("requirements*.lock"))):
            shutil.copy(ROOT / file, folder / file)
        yield folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def set_up(folder: Path, path: str, *, user: int | None = None, **values: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(folder / "scripts/setup")],
        env={"PATH": path, "HOME": str(folder), **values},
        cwd=folder,
        user=user,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_is_not_there_is_named(clone: Path, programs: Path) -> None:
    outcome = set_up(clone, str(programs), PYTHON="python3.99")
    assert outcome.returncode == 1
    assert "PYTHON=python3.99: there is no such program" in outcome.stderr
    assert not (clone / ".venv").exists()


def test_a_python_that_is_too_old_is_named_with_its_version(clone: Path, programs: Path, tmp_path: Path) -> None:
    old = script(tmp_path / "python3.9", 'case $1 in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    outcome = set_up(clone, str(programs), PYTHON=old)
    assert outcome.returncode == 1
    assert f"PYTHON={old} is not Python 3.11 or newer (Python 3.9.2)" in outcome.stderr
    assert not (clone / ".venv").exists()


def test_without_any_python_it_says_which_is_needed(clone: Path, programs: Path) -> None:
    outcome = set_up(clone, str(programs))
    assert outcome.returncode == 1
    assert "needs Python 3.11 or newer; none found on PATH" in outcome.stderr


def test_pythons_that_will_not_do_are_named_each_with_its_why(clone: Path, programs: Path) -> None:
    script(programs / "python3", 'case $1 in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    script(programs / "python3.11", 'echo "pyenv: python3.11: command not found" >&2; exit 127')
    outcome = set_up(clone, str(programs))
    assert outcome.returncode == 1
    assert f"{programs}/python3 is too old (Python 3.9.2)" in outcome.stderr
    assert f"{programs}/python3.11 does not start (pyenv: python3.11: command not found)" in outcome.stderr
    assert "python3.12" not in outcome.stderr.replace("PYTHON=/path/to/python3.12", "")


def test_a_folder_that_cannot_be_written_is_named(clone: Path, programs: Path) -> None:
    clone.chmod(0o555)
    user = NOBODY if os.getuid() == 0 else None
    outcome = set_up(clone, "/usr/bin:/bin", user=user, PYTHON=sys.executable)
    assert outcome.returncode == 1
    assert f"{clone} cannot be written by" in outcome.stderr
    assert "Clone Penstock into a folder of yours" in outcome.stderr


def test_without_a_registry_it_says_what_it_needs_and_what_to_do(clone: Path, programs: Path, tmp_path: Path) -> None:
    index = f"http://127.0.0.1:{free_port()}/simple"
    outcome = set_up(
        clone,
        str(programs),
        PYTHON=str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"),
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL=index,
        PIP_NO_CACHE_DIR="1",
        PIP_RETRIES="0",
        UV_INDEX_URL=index,
        UV_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert outcome.returncode == 1
    assert "needs the network once" in outcome.stderr
    assert "The packages of requirements.lock could not be installed" in outcome.stderr
    assert "PIP_FIND_LINKS" in outcome.stderr
    assert "not found" not in outcome.stderr.replace("No matching distribution found", "")
    assert not (clone / ".venv" / ".run").exists()
