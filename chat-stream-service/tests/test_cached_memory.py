"""Recalls and the shared cache: who is asked first, and what may be stored."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from chat_stream_service.adapters.cached_memory import CachedMemory
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Note, RememberedTurn
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.cache import CacheClient, CachedValue, JsonCodec, Lease
from penstock_testkit.waiting import HANG_SECONDS

ANN = Owner(tenant_id="acme", user_id="ann")
FOUND = Note(text="from the memory")
CACHED = Note(text="from the cache", question="", time="")


class Slow:
    """A memory that answers when `go` is set."""

    def __init__(self, *, at_once: bool) -> None:
        self.recalls = 0
        self.go = asyncio.Event()
        if at_once:
            self.go.set()

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        self.recalls += 1
        await self.go.wait()
        return [FOUND]

    async def keep(self, turn: RememberedTurn) -> None:
        """Nothing is kept."""

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Nothing is forgotten."""

    async def health(self) -> EngineHealth:
        return EngineHealth(healthy=True)


class Cache:
    """A shared cache with at most one value; counts how often it was asked."""

    def __init__(self) -> None:
        self.value: bytes | None = None
        self.asked = asyncio.Event()
        self.stored = asyncio.Event()

    async def lease(self, key: str, **_: Any) -> Lease:
        self.asked.set()
        hit = None if self.value is None else CachedValue(value=self.value)
        return Lease(token="" if hit else "token", generation=1, hit=hit)

    async def set(self, key: str, value: bytes, **how: Any) -> bool:
        assert how == {"ttl_class": "memory", "generation": 1, "lease_token": "token"}
        self.value = value
        self.stored.set()
        return True

    async def invalidate(self, *, prefix: str) -> int:
        self.value = None
        return 1


@pytest.fixture
async def background() -> AsyncGenerator[BackgroundJobs]:
    made = BackgroundJobs()
    yield made
    await made.close(0.1)


def cached_memory(memory: Slow, cache: Cache, background: BackgroundJobs, *, quick: bool) -> CachedMemory:
    client = cast("CacheClient", cache)
    return CachedMemory(memory, client, name="m", background=background, is_quick=lambda: quick)


async def test_a_quick_memory_answers_before_the_cache_is_asked_and_fills_it(background: BackgroundJobs) -> None:
    cache = Cache()
    memory = cached_memory(Slow(at_once=True), cache, background, quick=True)
    assert await memory.recall(ANN, "pumps?") == [FOUND]
    assert not cache.asked.is_set()
    async with asyncio.timeout(HANG_SECONDS):
        await cache.stored.wait()
    assert JsonCodec().decode(cache.value or b"") == [{"text": "from the memory", "question": "", "time": ""}]


async def test_the_cache_answers_for_a_quick_memory_that_is_slow_today(background: BackgroundJobs) -> None:
    cache, slow = Cache(), Slow(at_once=False)
    cache.value = JsonCodec().encode([{"text": CACHED.text, "question": "", "time": ""}])
    async with asyncio.timeout(HANG_SECONDS):
        assert await cached_memory(slow, cache, background, quick=True).recall(ANN, "pumps?") == [CACHED]


async def test_a_dear_memory_is_not_asked_for_what_the_cache_has(background: BackgroundJobs) -> None:
    cache, dear = Cache(), Slow(at_once=True)
    memory = cached_memory(dear, cache, background, quick=False)
    assert await memory.recall(ANN, "pumps?") == [FOUND]
    async with asyncio.timeout(HANG_SECONDS):
        await cache.stored.wait()
    assert await memory.recall(ANN, "pumps?") == [FOUND]
    assert dear.recalls == 1


async def test_a_value_that_cannot_be_read_is_recalled_anew(background: BackgroundJobs) -> None:
    cache = Cache()
    cache.value = JsonCodec().encode([{"of": "another version"}])
    assert await cached_memory(Slow(at_once=True), cache, background, quick=False).recall(ANN, "pumps?") == [FOUND]


async def test_what_was_recalled_before_something_was_said_is_not_stored(background: BackgroundJobs) -> None:
    cache = Cache()
    memory = cached_memory(Slow(at_once=True), cache, background, quick=True)
    await memory.recall(ANN, "pumps?")
    said = RememberedTurn(
        owner=ANN,
        conversation_id="c",
        stream_id="s",
        question="q",
        answer="a",
        create_time=datetime(2026, 3, 1, tzinfo=UTC),
    )
    await memory.keep(said)
    async with asyncio.timeout(HANG_SECONDS):
        await cache.asked.wait()
    await background.close(1)
    assert not cache.stored.is_set()
