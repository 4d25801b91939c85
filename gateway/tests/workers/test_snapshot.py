"""Workers that share a folder: what they publish is read whole, and what the dead have counted stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.workers.generation import Generation
from gateway.workers.presence import Presence
from gateway.workers.snapshot import SharedSnapshots


def add(departed: int | None, last: int) -> int:
    return (departed or 0) + last


class Worker:
    def __init__(self, folder: Path, name: str) -> None:
        self.presence = Presence(folder, f"gw_{name}")
        self.counts = SharedSnapshots(folder, "count", self.presence, add)

    def total(self, own: int) -> int:
        found = self.counts.read()
        return own + (found.departed or 0) + sum(found.living.values())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    started: list[Worker] = []

    def one(name: str) -> Worker:
        started.append(Worker(tmp_path, name))
        return started[-1]

    yield one


def test_a_worker_reads_what_the_others_have_published_last(start: Any) -> None:
    one, other = start("1"), start("2")
    other.counts.publish(3)
    other.counts.publish(5)
    assert one.total(2) == 7


def test_what_a_worker_counted_stays_in_the_sum_after_its_end_and_its_files_go(start: Any, tmp_path: Path) -> None:
    one = start("0")
    for life in range(1, 51):
        worker = start(str(life))
        worker.counts.publish(10)
        assert one.total(0) == 10 * life
        worker.presence.close()
        assert one.total(0) == 10 * life
    assert len(list(tmp_path.glob("*.count"))) == 1
    assert one.presence.living() == ["gw_0"]
    assert len(list(tmp_path.glob("*.alive"))) == 1


def test_a_crash_while_the_dead_are_added_up_counts_nobody_twice(start: Any, tmp_path: Path) -> None:
    one, dead = start("1"), start("2")
    dead.counts.publish(4)
    kept = (tmp_path / "gw_2.count").read_bytes()
    dead.presence.close()
    assert one.total(0) == 4
    (tmp_path / "gw_2.count").write_bytes(kept)  # as if whoever added it had ended before it was deleted
    assert one.total(0) == 4


def test_a_half_written_file_of_a_killed_worker_is_as_if_it_were_not_there(start: Any, tmp_path: Path) -> None:
    one = start("1")
    (tmp_path / "gw_9.count").write_bytes(b'{"cut')
    assert one.total(2) == 2


def test_the_oldest_living_worker_is_the_one_that_writes_for_all(start: Any) -> None:
    one, other = start("1"), start("2")
    assert (one.presence.is_oldest, other.presence.is_oldest) == (True, False)
    one.presence.close()
    assert other.presence.is_oldest


def test_every_worker_sees_that_identities_have_changed(tmp_path: Path) -> None:
    one, other = Generation(tmp_path), Generation(tmp_path)
    before = other.read()
    one.change()
    assert other.read() == one.read() != before
