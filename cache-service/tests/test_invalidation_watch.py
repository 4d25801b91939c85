"""What a watcher of invalidations is told: all that lies below its prefix, and a reset rather than too much."""

import asyncio

import pytest

from cache_service.domain.invalidation import (
    MAX_KEYS_NAMED,
    MAX_PENDING,
    RESET,
    Invalidation,
    InvalidationBus,
    Watcher,
)


async def heard_first(watcher: Watcher) -> Watcher:
    """Take the reset that every watcher begins with."""
    assert await watcher.next() == RESET
    return watcher


@pytest.mark.parametrize(
    ("keys", "prefixes", "told"),
    [
        (("t\0a:1", "t\0b:1", "u\0a:1"), (), (("t\0a:1",), ())),
        (("t\0b:1",), ("t\0a:", "t\0a:1", "t\0", "t\0b", "u\0"), ((), ("t\0a:", "t\0a:1", "t\0"))),
        (("t\0a:1", "t\0a:2"), ("t\0a:",), (("t\0a:1", "t\0a:2"), ("t\0a:",))),
    ],
    ids=["keys", "prefixes", "both"],
)
async def test_a_watcher_hears_of_keys_below_its_prefix_and_of_prefixes_above_and_below_it(
    keys: tuple[str, ...], prefixes: tuple[str, ...], told: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    bus = InvalidationBus()
    async with bus.watch("t\0a:") as watcher:
        await heard_first(watcher)
        bus.publish(keys=["t\0b:9"], prefixes=["t\0b:"])
        bus.publish(keys=keys, prefixes=prefixes)
        assert await watcher.next() == Invalidation(keys=told[0], prefixes=told[1])


async def test_what_comes_between_two_looks_is_told_together_and_in_order() -> None:
    bus = InvalidationBus()
    async with bus.watch("t\0") as watcher:
        await heard_first(watcher)
        bus.publish(keys=["t\0b"])
        bus.publish(prefixes=["t\0x"])
        bus.publish(keys=["t\0a"], prefixes=["t\0w"])
        assert await watcher.next() == Invalidation(keys=("t\0b", "t\0a"), prefixes=("t\0x", "t\0w"))
        bus.publish(keys=["t\0c"])
        assert await watcher.next() == Invalidation(keys=("t\0c",))


async def test_a_watcher_that_has_heard_everything_waits_for_more() -> None:
    bus = InvalidationBus()
    async with bus.watch("t\0") as watcher:
        await heard_first(watcher)
        waiting = asyncio.create_task(watcher.next())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        bus.publish(keys=["t\0a"])
        assert await waiting == Invalidation(keys=("t\0a",))


async def test_what_happens_before_the_first_look_is_part_of_its_reset() -> None:
    bus = InvalidationBus()
    async with bus.watch("t\0") as watcher:
        bus.publish(keys=["t\0a"])
        await heard_first(watcher)
        bus.publish(keys=["t\0b"])
        assert await watcher.next() == Invalidation(keys=("t\0b",))


@pytest.mark.parametrize(("unread", "is_reset"), [(3, False), (4, True)])
async def test_a_watcher_that_does_not_look_is_told_to_drop_everything(unread: int, is_reset: bool) -> None:
    watcher = await heard_first(Watcher(prefix="t\0", max_pending=3))
    keys = tuple(f"t\0{number}" for number in range(unread))
    for key in keys:
        watcher.offer(Invalidation(keys=(key,)))
    assert await watcher.next() == (RESET if is_reset else Invalidation(keys=keys))
    watcher.offer(Invalidation(keys=("t\0a",)))
    assert await watcher.next() == Invalidation(keys=("t\0a",))


async def test_a_reset_among_what_is_unread_says_all_there_is_to_say() -> None:
    bus = InvalidationBus()
    async with bus.watch("t\0") as watcher:
        await heard_first(watcher)
        bus.publish(keys=["t\0a"])
        bus.publish(reset=True)
        bus.publish(keys=["t\0b"])
        assert await watcher.next() == RESET


@pytest.mark.parametrize(("count", "is_reset"), [(MAX_KEYS_NAMED, False), (MAX_KEYS_NAMED + 1, True)])
async def test_more_than_a_thousand_keys_at_once_are_told_as_a_reset(count: int, is_reset: bool) -> None:
    bus, keys = InvalidationBus(), tuple(f"t\0{number}" for number in range(count))
    async with bus.watch("t\0") as watcher:
        await heard_first(watcher)
        bus.publish(keys=keys)
        assert await watcher.next() == (RESET if is_reset else Invalidation(keys=keys))


async def test_a_thousand_invalidations_wait_for_a_watcher() -> None:
    bus = InvalidationBus()
    async with bus.watch("t\0") as watcher:
        await heard_first(watcher)
        for number in range(MAX_PENDING):
            bus.publish(keys=[f"t\0{number}"])
        assert len((await watcher.next()).keys) == MAX_PENDING


async def test_only_who_watches_is_told_and_only_of_something() -> None:
    bus = InvalidationBus()
    async with bus.watch("t\0") as watcher, bus.watch("u\0") as other:
        assert bus.has_watchers
        for each in (watcher, other):
            await heard_first(each)
        bus.publish()
        bus.publish(keys=["t\0a"])
        bus.publish(keys=["u\0b"])
        assert await watcher.next() == Invalidation(keys=("t\0a",))
        assert await other.next() == Invalidation(keys=("u\0b",))
    assert not bus.has_watchers
    bus.publish(keys=["t\0a"])
