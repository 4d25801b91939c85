"""Frames of many calls gather for a tick, and for nothing while little goes on."""

import asyncio
from collections.abc import Sequence
from math import inf

import pytest

from penstock_kit.grpc.multiplex.outbox import Outbox
from penstock_kit.grpc.multiplex.pace import MOST_GATHERING, Pace
from penstock_testkit.waiting import HANG_SECONDS

MANY = 1000


def busy_pace(calls: int, *, most_gathering: float = MOST_GATHERING) -> Pace:
    """A pace by which each of `calls` had something to say at the time 10."""
    pace = Pace(lambda: calls, most_gathering)
    pace.written(calls, 10.0)
    return pace


def test_nothing_waits_while_nothing_went_before() -> None:
    assert Pace(lambda: MANY).due(1, urgent=False) == -inf


@pytest.mark.parametrize("calls", [1, 4])
def test_a_handful_of_calls_waits_for_nothing_however_much_they_say(calls: int) -> None:
    pace = Pace(lambda: calls)
    pace.written(MANY, 10.0)
    assert pace.due(MANY, urgent=False) == -inf


def test_calls_that_were_busy_and_are_no_more_keep_nothing_waiting() -> None:
    pace = busy_pace(MANY)
    pace.written(1, 11.0)
    assert pace.due(1, urgent=False) == -inf


def test_the_tick_grows_with_the_calls_that_have_something_to_say() -> None:
    ticks = [busy_pace(calls).due(1, urgent=False) - 10.0 for calls in (5, 20, 40, 60)]
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize("most", [0.0, 0.002, 0.008, 0.05])
def test_pieces_never_wait_longer_than_the_setting_or_what_holds_for_all(most: float) -> None:
    for calls in (5, 50, 500, 5000):
        pace = busy_pace(calls, most_gathering=most)
        others = pace.due(1, urgent=True)
        assert pace.due(1, urgent=False) <= max(10.0 + most, others)


def test_what_begins_or_ends_a_call_waits_less_than_a_piece() -> None:
    pace = busy_pace(MANY)
    assert pace.due(1, urgent=True) - 10.0 <= 0.004 < pace.due(1, urgent=False) - 10.0 <= MOST_GATHERING


class Written:
    """What an outbox wrote, and when by the loop's time."""

    def __init__(self) -> None:
        self.batches: list[Sequence[int]] = []
        self.changed = asyncio.Event()

    async def __call__(self, frames: Sequence[int]) -> None:
        self.batches.append(frames)
        self.changed.set()

    async def until(self, count: int) -> None:
        """Return when so many frames were written."""
        async with asyncio.timeout(HANG_SECONDS):
            while sum(map(len, self.batches)) < count:
                self.changed.clear()
                await self.changed.wait()


async def test_pieces_of_many_calls_leave_together_and_in_their_order() -> None:
    written = Written()
    outbox: Outbox[int] = Outbox(written, lambda: MANY, most_gathering=0.05)
    task = asyncio.create_task(outbox.run())
    for number in range(100):
        outbox.put(number)
    await written.until(100)
    for number in range(100, 140):
        outbox.put(number, urgent=False)
        await asyncio.sleep(0)  # each put in a turn of its own
    await written.until(140)
    task.cancel()
    assert written.batches == [list(range(100)), list(range(100, 140))]


async def test_an_urgent_frame_takes_along_the_pieces_before_it() -> None:
    written = Written()
    # By a tick of its own each piece would leave after a hundred seconds.
    outbox: Outbox[int] = Outbox(written, lambda: 1_000_000, most_gathering=100.0)
    task = asyncio.create_task(outbox.run())
    for number in range(MANY):
        outbox.put(number)
    await written.until(MANY)
    outbox.put(MANY, urgent=False)
    await asyncio.sleep(0)
    outbox.put(MANY + 1)
    await written.until(MANY + 2)
    task.cancel()
    assert written.batches[-1] == [MANY, MANY + 1]


async def test_all_that_gathers_is_written_before_the_outbox_is_empty() -> None:
    written = Written()
    outbox: Outbox[int] = Outbox(written, lambda: MANY)
    task = asyncio.create_task(outbox.run())
    for number in range(MANY):
        outbox.put(number)
    await written.until(MANY)
    outbox.put(MANY, urgent=False)
    async with asyncio.timeout(HANG_SECONDS):
        await outbox.wait_until_empty()
    task.cancel()
    assert written.batches[-1] == [MANY]
