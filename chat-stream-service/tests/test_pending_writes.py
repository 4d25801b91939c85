"""Turns that wait for the store: in order, bounded, and none twice."""

from collections.abc import Awaitable, Callable

import pytest

from chat_stream_service.domain.stream.pending_writes import PendingWrites
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
    store, pending_writes = Store(), PendingWrites()
    for stream_id in ("a", "b", "c"):
        pending_writes.add(stream_id, store.taking(stream_id))
    store.failures = {"b": AWAY}
    await pending_writes.flush()
    assert store.stored == ["a"]
    store.failures = {"b": TimeoutError()}
    await pending_writes.flush()
    store.failures = {}
    await pending_writes.flush()
    await pending_writes.flush()
    assert store.stored == ["a", "b", "c"]


async def test_a_turn_whose_conversation_is_gone_holds_up_no_other() -> None:
    store, pending_writes = Store(), PendingWrites()
    for stream_id in ("a", "b"):
        pending_writes.add(stream_id, store.taking(stream_id))
    store.failures = {"a": GONE}
    await pending_writes.flush()
    store.failures = {}
    await pending_writes.flush()
    assert store.stored == ["b"]


async def test_the_oldest_is_given_up_when_there_is_too_much() -> None:
    store, pending_writes = Store(), PendingWrites(most=2)
    for stream_id in ("a", "b", "c"):
        pending_writes.add(stream_id, store.taking(stream_id))
    await pending_writes.flush()
    assert store.stored == ["b", "c"]


def test_no_more_turns_begin_than_there_is_room_to_keep() -> None:
    store, pending_writes = Store(), PendingWrites(most=3)
    pending_writes.check_room(2)
    pending_writes.add("a", store.taking("a"))
    with pytest.raises(Unavailable) as caught:
        pending_writes.check_room(2)
    assert (caught.value.reason, caught.value.retry_after) == ("LOAD_LIMIT_EXCEEDED", 1.0)
    pending_writes.check_room(1)


def test_no_more_turns_begin_while_a_store_that_works_is_behind() -> None:
    clock = ManualClock()
    pending_writes = PendingWrites(monotonic=clock.monotonic)
    with pending_writes.track_write():
        clock.advance(0.5)
        with pending_writes.track_write():
            clock.advance(0.1)
        pending_writes.check_delay()
        clock.advance(0.5)
        with pytest.raises(Unavailable, match="than the store takes"):
            pending_writes.check_delay()
    pending_writes.check_delay()


def test_turns_begin_while_a_store_is_away() -> None:
    clock = ManualClock()
    pending_writes = PendingWrites(monotonic=clock.monotonic)
    with pending_writes.track_write():
        clock.advance(60)
        pending_writes.check_delay()


def test_turns_begin_when_a_store_is_back_that_has_not_yet_taken_all_that_waited() -> None:
    clock = ManualClock()
    pending_writes = PendingWrites(monotonic=clock.monotonic)
    with pending_writes.track_write():
        with pending_writes.track_write():
            clock.advance(60)
        with pending_writes.track_write():
            clock.advance(0.9)
        pending_writes.check_delay()
        clock.advance(0.2)
        with pytest.raises(Unavailable, match="than the store takes"):
            pending_writes.check_delay()


async def test_no_pictures_are_taken_while_turns_wait_for_the_store() -> None:
    store, pending_writes = Store(), PendingWrites()
    pending_writes.check_empty()
    pending_writes.add("a", store.taking("a"))
    with pytest.raises(Unavailable, match="pictures can't be stored now"):
        pending_writes.check_empty()
    await pending_writes.flush()
    pending_writes.check_empty()
