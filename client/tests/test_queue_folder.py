"""What somebody else can do to the queue's folder: nothing that is followed, used, waited for or takes long."""

import os
import random
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock_client import OfflineQueue, QueueError
from penstock_client.queue import KeyFile
from penstock_client.queue.disk import LARGEST_FILE
from penstock_client.queue.file_format import QueueFormat

KEY = bytes(range(32))
FILES = ("offline_queue.bin", "offline_queue.lock", "offline_queue.key", "offline_queue.bin.new")


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(QueueError, match="is a symbolic link"):
        OfflineQueue(tmp_path / "link")
    assert list((tmp_path / "real").iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(QueueError, match=f"mode {mode:04o}"):
        OfflineQueue(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(folder, 4711, 4711)
    with pytest.raises(QueueError, match="belongs to another user"):
        OfflineQueue(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_a_link_is_not_followed(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "queue"
    folder.mkdir(mode=0o700)
    (folder / name).symlink_to(victim)
    with pytest.raises(QueueError, match="symbolic link"):
        OfflineQueue(folder, encryption_key=None if name.endswith(".key") else KEY).add("c", "hello")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("name", ["offline_queue.bin", "offline_queue.lock"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(QueueError, match=r"no plain file|can't be opened"):
        OfflineQueue(tmp_path, encryption_key=KEY)


def test_a_key_that_is_mounted_as_a_link_is_taken_where_it_was_named(tmp_path: Path) -> None:
    kept = KeyFile(tmp_path / "data" / "key")
    made = kept.create()
    (tmp_path / "key").symlink_to(tmp_path / "data" / "key")
    assert KeyFile(tmp_path / "key").load() == made


def test_a_file_larger_than_any_queue_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "offline_queue.bin").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(QueueError, match="Move the file away"):
        OfflineQueue(tmp_path, encryption_key=KEY)


@pytest.mark.parametrize(
    "make",
    [
        lambda: bytes(32 * 1024**2),
        lambda: b"\x00\x10\x00\x00" * (8 * 1024**2),
        lambda: b"\x00\x00\x00\x10" * (8 * 1024**2),
        lambda: random.Random(1).randbytes(32 * 1024**2),
    ],
    ids=["zeros", "lengths of a mebibyte", "lengths of sixteen bytes", "noise"],
)
def test_made_up_garbage_takes_seconds_at_most_and_is_set_aside(tmp_path: Path, make: Callable[[], bytes]) -> None:
    header = QueueFormat(KEY).encode(())
    (tmp_path / "offline_queue.bin").write_bytes(header + make())
    began = time.process_time()
    queue = OfflineQueue(tmp_path, encryption_key=KEY)
    assert time.process_time() - began < 5
    assert len(queue) == 0
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_good_frames_after_a_damaged_one_are_still_found(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path, encryption_key=KEY)
    for number in range(20):
        queue.add("c", f"message {number} " + "x" * 50_000)
    file = tmp_path / "offline_queue.bin"
    data = bytearray(file.read_bytes())
    data[16:20] = (0xFF, 0xFF, 0xFF, 0xFF)
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    kept = [
        str(entry.message["content"]).split(" ")[1] for entry in OfflineQueue(tmp_path, encryption_key=KEY).entries()
    ]
    assert len(kept) == 18
    assert "0" not in kept


def test_a_frame_whose_checksum_was_forged_is_no_message(tmp_path: Path) -> None:
    body = random.Random(5).randbytes(100)
    frame = len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body
    (tmp_path / "offline_queue.bin").write_bytes(QueueFormat(KEY).encode(()) + frame * 1000)
    assert len(OfflineQueue(tmp_path, encryption_key=KEY)) == 0
