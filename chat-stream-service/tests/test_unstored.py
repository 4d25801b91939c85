"""Turns that wait for the store: in order, bounded, and none twice."""

from collections.abc import Awaitable, Callable

import pytest

from chat_stream_service.domain.stream.pending_writes import Unstored
from penstock_kit.errors import NotFound, PenstockError, Unavailable
from penstock_testkit.clock import ManualClock

AWAY = Unavailable("the database is away", reason="STORAGE_UNAVAILABLE")
GONE = NotFound("the conversation is gone", reason="CONVERSATION_NOT_FOUND")


class Store:
    """Takes turns, or raises what it is told to."""

    def __init__(self) -> None:
        self.failures: dict[str, PenstockError | TimeoutError] = {}
        self.stored: list[str] = []

    def taking(self, stream_id: str) -> Callable[[], Awaitable[None]]:
        async def take() -> None:
            if stream_id in self.failures:
                raise self.failures[stream_id]
            self.stored.append(stream_id)

        return take


async def test_turns_are_stored_in_order_and_once_when_the_store_is_back() -> None:
    store, unstored = Store(), Unstored()
    for stream_id in ("a", "b", "c"):
        unstored.add(stream_id, store.taking(stream_id))
    store.failures = {"b": AWAY}
    await unstored.work_off()
    assert store.stored == ["a"]
    store.failures = {"b": TimeoutError()}
    await unstored.work_off()
    store.failures = {}
    await unstored.work_off()
    await unstored.work_off()
    assert store.stored == ["a", "b", "c"]


async def test_a_turn_whose_conversation_is_gone_holds_up_no_other() -> None:
    store, unstored = Store(), Unstored()
    for stream_id in ("a", "b"):
        unstored.add(stream_id, store.taking(stream_id))
    store.failures = {"a": GONE}
    await unstored.work_off()
    store.failures = {}
    await unstored.work_off()
    assert store.stored == ["b"]


async def test_the_oldest_is_given_up_when_there_is_too_much() -> None:
    store, unstored = Store(), Unstored(most=2)
    for stream_id in ("a", "b", "c"):
        unstored.add(stream_id, store.taking(stream_id))
    await unstored.work_off()
    assert store.stored == ["b", "c"]


def test_no_more_turns_begin_than_there_is_room_to_keep() -> None:
    store, unstored = Store(), Unstored(most=3)
    unstored.check(2)
    unstored.add("a", store.taking("a"))
    with pytest.raises(Unavailable) as caught:
        unstored.check(2)
    assert (caught.value.reason, caught.value.retry_after) == ("LOAD_LIMIT_EXCEEDED", 1.0)
    unstored.check(1)


def test_no_more_turns_begin_while_a_store_that_works_is_behind() -> None:
    clock = ManualClock()
    unstored = Unstored(monotonic=clock.monotonic)
    with unstored.storing():
        clock.advance(0.5)
        with unstored.storing():
            clock.advance(0.1)
        unstored.check(0)
        clock.advance(0.5)
        with pytest.raises(Unavailable, match="than the store takes"):
            unstored.check(0)
    unstored.check(0)


def test_turns_begin_while_a_store_is_away() -> None:
    clock = ManualClock()
    unstored = Unstored(monotonic=clock.monotonic)
    with unstored.storing():
        clock.advance(60)
        unstored.check(0)
