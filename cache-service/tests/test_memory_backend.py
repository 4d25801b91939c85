from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cache_service.adapters.memory.backend import MemoryBackend
from cache_service.domain.entry import ALWAYS, Condition, Entry
from penstock_testkit.clock import ManualClock
from penstock_testkit.contracts.cache_backend import CacheBackendContract


def entry_of(
    clock: ManualClock, key: str, value: bytes = b"v", *, ttl: float = 60.0, tags: Sequence[str] = ()
) -> Entry:
    return Entry(key=f"t\0{key}", value=value, expire_at=clock.monotonic() + ttl, tags=tuple(tags))


class TestMemoryBackend(CacheBackendContract):
    @pytest.fixture
    def backend(self, clock: ManualClock) -> MemoryBackend:
        return MemoryBackend(clock=clock, max_entries=1_000, max_size=1_000_000)

    @pytest.fixture
    def make_entry(self, clock: ManualClock) -> Callable[..., Entry]:
        def make(
            key: str, value: bytes = b"v", *, ttl: float = 60.0, tags: Sequence[str] = (), negative: bool = False
        ) -> Entry:
            return Entry(key=key, value=value, expire_at=clock.monotonic() + ttl, tags=tuple(tags), negative=negative)

        return make

    @pytest.fixture
    def make_condition(self) -> type[Condition]:
        return Condition

    @pytest.fixture
    def let_pass(self, clock: ManualClock) -> Any:
        async def passes(seconds: float) -> None:
            clock.advance(seconds)

        return passes


async def test_the_least_recently_used_goes_first(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=3, max_size=1_000)
    for key in "abc":
        await backend.set(entry_of(clock, key), ALWAYS)
    await backend.get("t\0a")
    await backend.set(entry_of(clock, "d"), ALWAYS)
    held = [key for key in "abcd" if (await backend.get(f"t\0{key}")).entry is not None]
    assert held == ["a", "c", "d"]
    assert backend.usage().evictions == 1


async def test_bytes_are_bounded_too(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=100, max_size=10)
    for key in "abc":
        await backend.set(entry_of(clock, key, b"1234"), ALWAYS)
    usage = backend.usage()
    assert (usage.entries, usage.size, usage.evictions) == (2, 8, 1)


async def test_a_value_over_the_bound_replaces_nothing_but_ends_the_old_one(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=100, max_size=10)
    await backend.set(entry_of(clock, "a", b"1234"), ALWAYS)
    assert not await backend.set(entry_of(clock, "a", b"12345678901"), ALWAYS)
    assert (await backend.get("t\0a")).entry is None
    assert backend.usage().size == 0


async def test_expired_entries_leave_memory_without_being_read(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=100, max_size=1_000)
    for number in range(10):
        await backend.set(entry_of(clock, f"k{number}", ttl=5.0, tags=("t\0x",)), ALWAYS)
    clock.advance(7.0)
    assert backend.sweep(4) == 4
    assert backend.sweep(100) == 6
    usage = backend.usage()
    assert (usage.entries, usage.size, usage.expirations, usage.evictions) == (0, 0, 10, 0)
    assert await backend.invalidate(tag="t\0x") == []


async def test_a_write_clears_expired_entries_before_it_evicts_live_ones(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=2, max_size=1_000)
    await backend.set(entry_of(clock, "live", ttl=60.0), ALWAYS)
    await backend.set(entry_of(clock, "ended", ttl=1.0), ALWAYS)
    clock.advance(3.0)
    await backend.set(entry_of(clock, "new"), ALWAYS)
    assert (await backend.get("t\0live")).entry is not None
    assert backend.usage().evictions == 0


async def test_a_fill_is_refused_once_its_beginning_is_forgotten(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=100, max_size=1_000)
    generation = (await backend.get("t\0a")).generation
    for number in range(2_000):
        await backend.delete([f"t\0other{number}"])
    assert not await backend.set(entry_of(clock, "a"), Condition(generation=generation))


async def test_invalidating_others_does_not_refuse_a_fill(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=100, max_size=1_000)
    generation = (await backend.get("t\0a:1")).generation
    await backend.delete(["t\0b:1"])
    await backend.invalidate(prefix="t\0b", tag="t\0green")
    assert await backend.set(entry_of(clock, "a:1", tags=("t\0red",)), Condition(generation=generation))


async def test_generations_of_an_earlier_process_are_refused(clock: ManualClock) -> None:
    before = MemoryBackend(clock=clock, max_entries=100, max_size=1_000)
    generation = (await before.get("t\0a")).generation
    clock.advance(0.002)
    after = MemoryBackend(clock=clock, max_entries=100, max_size=1_000)
    assert not await after.set(entry_of(clock, "a"), Condition(generation=generation))


async def test_usage_counts_entries_and_bytes(clock: ManualClock) -> None:
    backend = MemoryBackend(clock=clock, max_entries=10, max_size=100)
    for key, value in (("a", b"12345"), ("b", b"123"), ("a", b"1")):
        await backend.set(entry_of(clock, key, value), ALWAYS)
    usage = backend.usage()
    assert (usage.entries, usage.size) == (2, 4)
