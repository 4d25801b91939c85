"""A queue that is opened again, its key's file, and a key store that refuses."""

import logging
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from penstock_client import OfflineQueue, QueueError
from penstock_client.queue import KeyFile, SystemKeyStore
from penstock_client.queue.disk import LARGEST_FILE


def test_a_queue_that_is_opened_nearly_full_warns_at_its_next_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = OfflineQueue(tmp_path, max_queue_size=10)
    for number in range(8):
        first.add("c", f"{number}")
    again = OfflineQueue(tmp_path, max_queue_size=10)
    with caplog.at_level(logging.WARNING, "penstock_client"):
        caplog.clear()
        for number in range(2):
            again.add("c", f"{number}")
    assert caplog.messages == ["the offline queue is 90 % full (9 of 10)"]


def test_a_key_that_is_made_leaves_one_file_and_a_second_maker_takes_it(tmp_path: Path) -> None:
    made = KeyFile(tmp_path / "key").create()
    assert KeyFile(tmp_path / "key").create() == made
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize(("error", "why"), [(RuntimeError("it is locked"), "it is locked"), (KeyError(), "KeyError")])
def test_a_key_store_that_refuses_is_told_with_its_own_words(
    monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    class Locked(ModuleType):
        def get_password(self, service_name: str, username: str) -> str | None:
            raise error

    monkeypatch.setitem(sys.modules, "keyring", Locked("keyring"))
    with pytest.raises(QueueError) as caught:
        SystemKeyStore().load()
    assert str(caught.value).startswith(f"the system's key store can't be used ({why}): unlock it")


def test_a_file_larger_than_any_queue_is_refused_with_how_large_one_may_be(tmp_path: Path) -> None:
    with (tmp_path / "offline_queue.bin").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    most = LARGEST_FILE // (1024 * 1024)
    with pytest.raises(QueueError, match=f"has {LARGEST_FILE + 1} bytes; an offline queue has at most {most} MiB"):
        OfflineQueue(tmp_path, encryption_key=bytes(32))


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_error_of_the_queue_which_stays_as_it_was_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    queue = OfflineQueue(tmp_path, encryption_key=bytes(32))
    kept = queue.add("c", "kept")
    before = sorted(path.name for path in tmp_path.iterdir())
    with (
        no_room_beyond(1024),
        pytest.raises(QueueError, match=r"offline_queue\.bin of the offline queue can't be writ"),
    ):
        queue.add("c", "x" * 4096)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert queue.entries() == (kept,)
    with no_room_beyond(4), pytest.raises(QueueError, match=r"in-flight of the offline queue can't be written"):
        queue.mark_in_flight(kept.id)
    assert [entry.message["content"] for entry in (*queue.entries(), queue.add("c", "later"))] == ["kept", "later"]
