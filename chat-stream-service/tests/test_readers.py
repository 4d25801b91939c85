"""Readers are written to as their events come, and those whose events come too fast in larger pieces."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from chat_stream_service.domain.stream.readers import Reader, Readers
from chat_stream_service.domain.stream.statistics import StreamStatistics
from penstock_kit.errors import Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

# Longer than any test takes.
FOR_EVER = 1e6


@pytest.fixture
def readers(clock: ManualClock) -> Readers:
    return Readers(stale_seconds=600, most_rest=FOR_EVER, clock=clock, statistics=StreamStatistics())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def resting(readers: Readers) -> AsyncGenerator[None]:
    """So many readers rest that any other that must would rest for long."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(rest_for_ever(readers)) for _ in range(5000)]
        await asyncio.sleep(0)
        yield
        for task in tasks:
            task.cancel()


async def rest_for_ever(readers: Readers) -> None:
    with readers.join() as reader:
        reader.on_taken()
        reader.on_offer()
        await readers.pace(reader)
        await asyncio.Event().wait()


async def returns_at_once(readers: Readers, reader: Reader) -> bool:
    pacing = asyncio.create_task(readers.pace(reader))
    for _ in range(3):
        await asyncio.sleep(0)
    pacing.cancel()
    return pacing.done()


def write(reader: Reader) -> None:
    reader.on_offer()
    reader.on_taken()


@pytest.mark.usefixtures("resting")
async def test_a_reader_rests_neither_after_its_first_event_nor_while_its_events_come_slowly(
    readers: Readers, clock: ManualClock
) -> None:
    with readers.join() as reader:
        for _ in range(3):
            write(reader)
            assert await returns_at_once(readers, reader)
            clock.advance(2)


@pytest.mark.usefixtures("resting")
async def test_a_reader_whose_events_come_at_once_rests_between_two_writes(readers: Readers) -> None:
    with readers.join() as reader:
        write(reader)
        assert await returns_at_once(readers, reader)
        write(reader)
        assert not await returns_at_once(readers, reader)


async def test_a_rest_is_no_sign_of_slow_events(clock: ManualClock) -> None:
    readers = Readers(stale_seconds=600, most_rest=0.001, clock=clock, statistics=StreamStatistics())
    with readers.join() as reader:
        write(reader)
        write(reader)
        pacing = asyncio.create_task(readers.pace(reader))
        await asyncio.sleep(0)
        clock.advance(5)
        async with asyncio.timeout(HANG_SECONDS):
            await pacing
        write(reader)
        assert reader.waited == 0, "it was the rest that took five seconds"


def test_a_reader_that_waits_may_be_written_to_once_it_has_rested(clock: ManualClock) -> None:
    readers = Readers(stale_seconds=600, most_rest=1.0, clock=clock, statistics=StreamStatistics())
    reader = Reader(None, clock, endless=False)
    assert readers.may_write_now(reader)
    write(reader)
    assert not readers.may_write_now(reader), "its events come at once"
    clock.advance(2)
    assert readers.may_write_now(reader)
    reader.on_offer()
    assert not readers.may_write_now(reader), "it has not taken what it was given"


def test_a_reader_that_is_sent_away_is_written_to_no_more(clock: ManualClock) -> None:
    readers = Readers(stale_seconds=600, most_rest=1.0, clock=clock, statistics=StreamStatistics())
    reader = Reader(None, clock, endless=False)
    write(reader)
    clock.advance(2)
    reader.dismiss()
    assert not readers.may_write_now(reader)


async def stay(readers: Readers, *, endless: bool, had_an_event: bool) -> None:
    with readers.join(endless=endless) as reader:
        if had_an_event:
            write(reader)
        await asyncio.Event().wait()


async def test_only_readers_of_what_has_no_end_are_sent_away_first_and_then_all_that_know_their_place(
    readers: Readers,
) -> None:
    endless = asyncio.create_task(stay(readers, endless=True, had_an_event=False))
    placed = asyncio.create_task(stay(readers, endless=False, had_an_event=True))
    new = asyncio.create_task(stay(readers, endless=False, had_an_event=False))
    await asyncio.sleep(0)
    readers.dismiss(endless_only=True)
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(Unavailable, match="another one has the stream") as caught:
            await endless
    assert (caught.value.reason, caught.value.retry_after) == ("REPLICA_UNAVAILABLE", 0)
    late = asyncio.create_task(stay(readers, endless=True, had_an_event=False))
    await asyncio.sleep(0)
    assert not (placed.done() or new.done() or late.done())
    readers.dismiss()
    async with asyncio.timeout(HANG_SECONDS):
        for task in (placed, late, asyncio.create_task(stay(readers, endless=True, had_an_event=False))):
            with pytest.raises(Unavailable, match="another one has the stream"):
                await task
    assert not new.done(), "its first event tells it what to ask for elsewhere"
    new.cancel()


async def test_a_reader_that_is_sent_away_before_its_first_event_is_told_behind_it(readers: Readers) -> None:
    with readers.join() as reader:
        readers.dismiss()
        reader.on_offer()
        with pytest.raises(Unavailable, match="another one has the stream") as caught:
            reader.on_taken()
    assert caught.value.reason == "REPLICA_UNAVAILABLE"
