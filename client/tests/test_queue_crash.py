"""The queue is the old one or the new one, wherever the power goes out, and each damaged byte costs one message."""

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing_disk import CrashingDisk, PowerCut
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_client.errors import QueueError
from penstock_client.queue import OfflineQueue
from penstock_client.queue.disk import SystemDisk, replace_file
from penstock_client.queue.entry import QueueEntry
from penstock_client.queue.file_format import QueueFormat

KEY = bytes(range(32))
Change = Callable[[OfflineQueue], object]
CHANGES: dict[str, Change] = {
    "add": lambda queue: queue.add("c", "four"),
    "add to a full queue": lambda queue: [queue.add("c", f"{n}") for n in range(4)],
    "discard": lambda queue: queue.discard(queue.entries()[0].id),
    "refuse": lambda queue: queue.mark_refused(queue.entries()[0].id, "too long"),
    "clear": lambda queue: queue.clear(),
}


def open_queue(folder: Path, disk: CrashingDisk) -> OfflineQueue:
    return OfflineQueue(folder, encryption_key=KEY, max_queue_size=5, disk=disk)


def contents(queue: OfflineQueue) -> list[tuple[str, str]]:
    return [(str(entry.message["content"]), entry.refused) for entry in queue.entries()]


def filled(folder: Path) -> CrashingDisk:
    disk = CrashingDisk()
    queue = open_queue(folder, disk)
    for text in ("one", "two", "three"):
        queue.add("c", text)
    return disk


@pytest.mark.parametrize("name", CHANGES)
def test_a_power_cut_at_any_operation_leaves_the_old_queue_or_the_new_one(name: str, tmp_path: Path) -> None:
    before = filled(tmp_path)
    whole = CrashingDisk(before.durable)
    queue = open_queue(tmp_path, whole)
    states = [contents(queue)]
    watched = CrashingDisk(before.durable)
    CHANGES[name](open_queue(tmp_path, watched))
    # A change of several messages passes through the states between its single steps.
    for last in range(1, len(watched.operations) + 1):
        if watched.operations[last - 1] == "sync folder":
            partial = CrashingDisk(before.durable, crash_at=last + 1)
            with contextlib.suppress(PowerCut):
                CHANGES[name](open_queue(tmp_path, partial))
            states.append(contents(open_queue(tmp_path, CrashingDisk(partial.durable))))
    crashes = 0
    for crash_at in range(1, len(watched.operations) + 1):
        disk = CrashingDisk(before.durable, crash_at=crash_at)
        with pytest.raises(PowerCut):
            CHANGES[name](open_queue(tmp_path, disk))
        for survivor in disk.survivors():
            found = contents(open_queue(tmp_path, CrashingDisk(survivor)))
            assert found in states, (name, disk.operations[-1], found)
            crashes += 1
    assert crashes >= 12


def test_the_content_is_synced_before_the_rename_and_the_folder_after_it(tmp_path: Path) -> None:
    disk = CrashingDisk()
    replace_file(disk, tmp_path / "queue", b"x")
    assert disk.operations == ["write queue.new", "sync queue.new", "rename queue.new", "sync folder"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_or_cut_byte_costs_at_most_its_own_message(data: st.DataObject) -> None:
    form = QueueFormat(KEY)
    entries = [QueueEntry(number=n, message={"content": f"text {n}"}) for n in range(6)]
    whole = form.encode(entries)
    place = data.draw(st.integers(16, len(whole) - 1))
    if data.draw(st.booleans()):
        damaged = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
        lost = 1
    else:
        damaged = whole[:place]
        lost = next(n for n in range(7) if len(form.encode(entries[: 6 - n])) <= place)
    reading = form.decode(damaged)
    assert len(reading.entries) >= 6 - lost
    assert set(entries) >= set(reading.entries)
    assert bool(reading.damage) == (len(reading.entries) < 6 and len(form.encode(reading.entries)) != len(damaged))


def test_a_damaged_file_is_set_aside_and_said_and_what_can_be_read_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = OfflineQueue(tmp_path, encryption_key=KEY)
    for text in ("one", "two", "three"):
        queue.add("c", text)
    file = tmp_path / "offline_queue.bin"
    broken = bytearray(file.read_bytes())
    broken[40] ^= 1
    file.write_bytes(broken)
    assert [text for text, _ in contents(OfflineQueue(tmp_path, encryption_key=KEY))] == ["two", "three"]
    (aside,) = tmp_path.glob("offline_queue.bin.damaged-*")
    assert aside.read_bytes() == broken
    assert str(aside) in caplog.text
    assert "1 of its 3 records can't be read" in caplog.text


def test_a_wrong_key_is_told_from_damage_and_touches_nothing(tmp_path: Path) -> None:
    OfflineQueue(tmp_path, encryption_key=KEY).add("c", "one")
    before = (tmp_path / "offline_queue.bin").read_bytes()
    with pytest.raises(QueueError, match="another key"):
        OfflineQueue(tmp_path, encryption_key=bytes(32))
    assert (tmp_path / "offline_queue.bin").read_bytes() == before


def test_a_lost_key_file_is_an_error_and_never_a_new_key(tmp_path: Path) -> None:
    OfflineQueue(tmp_path).add("c", "one")
    (tmp_path / "offline_queue.key").unlink()
    with pytest.raises(QueueError, match="is gone"):
        OfflineQueue(tmp_path)
    assert not (tmp_path / "offline_queue.key").exists()


ADD = """
import sys
from penstock_client.queue import OfflineQueue

queue = OfflineQueue(sys.argv[1], encryption_key=bytes(range(32)))
for n in range(10_000):
    queue.add(sys.argv[2], f"{sys.argv[2]}-{n}")
"""


def test_processes_that_are_killed_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    """Four writers a round, killed: what each wrote is one run, in order, and the queue always opens."""
    dice = random.Random(7)
    for round_number in range(3):
        names = [f"{round_number}-{worker}" for worker in range(4)]
        workers = [
            subprocess.Popen([sys.executable, "-c", ADD, tmp_path, name], stderr=subprocess.DEVNULL) for name in names
        ]
        queue = OfflineQueue(tmp_path, encryption_key=KEY)
        _wait_for(lambda queue=queue: len({entry.conversation for entry in queue.entries()}) == 4, workers)
        for worker in workers:
            time.sleep(dice.random() / 50)
            worker.kill()
            worker.wait()
        kept = OfflineQueue(tmp_path, encryption_key=KEY).entries()
        for name in names:
            numbers = [int(str(e.message["content"]).rsplit("-", 1)[1]) for e in kept if e.conversation == name]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert [entry.number for entry in kept] == sorted({entry.number for entry in kept})
        assert not list(tmp_path.glob("*.damaged-*"))
        queue.clear()


def _wait_for(is_true: Callable[[], bool], workers: list["subprocess.Popen[bytes]"]) -> None:
    while not is_true():
        assert all(worker.poll() is None for worker in workers)
        time.sleep(0.01)


def test_files_of_the_queue_are_their_owners_alone(tmp_path: Path) -> None:
    OfflineQueue(tmp_path / "queue").add("c", "one")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "queue").iterdir()}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "queue").stat().st_mode & 0o777 == 0o700
    assert b"one" not in (tmp_path / "queue" / "offline_queue.bin").read_bytes()


def test_a_folder_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QueueError, match="can't be made"):
        OfflineQueue(tmp_path / "file" / "queue")
    assert SystemDisk().read(tmp_path / "nothing") is None


def test_records_are_read_in_the_order_of_their_numbers_whatever_their_order_in_the_file() -> None:
    form = QueueFormat(bytes(32))
    entries = [QueueEntry(number=number, message={"content": str(number)}) for number in (3, 1, 2)]
    assert [entry.number for entry in form.decode(form.encode(entries)).entries] == [1, 2, 3]
