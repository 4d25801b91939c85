"""Recalled notes read through the shared cache; whatever changes a user's memory drops theirs."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Memory, Note, RememberedTurn
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.cache import CacheClient, JsonCodec, Lease
from penstock_kit.errors import PayloadTooLarge
from penstock_kit.logging import get_logger

_TTL_CLASS: Final = "memory"
# How long the fill of a key may take, in seconds, before another may try.
_FILL_SECONDS: Final = 5.0
# A quick memory that takes longer than this is slow today.
_QUICK_SECONDS: Final = 0.002
# The turn goes on before the cache is filled.
_HEAD_START_SECONDS: Final = 0.05

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CacheEntry:
    """What the cache said: the notes, or the right to store them, or neither."""

    notes: Sequence[Note] | None = None
    lease: Lease | None = None


class CachedMemory:
    """A Memory whose recalls go through cache-service, 1800 s at most, each user's apart.

    A turn waits for a recall, so that the cache is asked once, and filled behind its back. `is_quick` says whether
    recalling costs no more than asking the cache: then the cache is asked when the memory is slow all the same, and
    the first to answer is taken.
    """

    def __init__(
        self, memory: Memory, cache: CacheClient, *, name: str, background: BackgroundJobs, is_quick: Callable[[], bool]
    ) -> None:
        self._memory = memory
        self._cache = cache
        self._name = name
        self._background = background
        self._is_quick = is_quick
        self._codec = JsonCodec()
        self._changes = 0

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return what fits the question, from the cache when it is there."""
        key, changes = f"{self._prefix(owner)}:{_digest(question)}", self._changes
        known, asking = None, None
        recalling = asyncio.create_task(self._recall(owner, question)) if self._is_quick() else None
        try:
            if recalling is not None:
                await asyncio.wait({recalling}, timeout=_QUICK_SECONDS)
            if recalling is None or not recalling.done():
                asking = asyncio.create_task(self._ask_cache(key))
                known = await self._first_known(asking, recalling)
            if known is not None:
                return known
            notes = await (recalling or self._memory.recall(owner, question))
        finally:
            if recalling is not None:
                recalling.cancel()
        filling = asyncio.create_task(self._fill_soon(key, notes, asking, changes))
        self._background.add_task(filling, seconds=_FILL_SECONDS)
        return notes

    async def keep(self, turn: RememberedTurn) -> None:
        """Remember a turn."""
        self._changes += 1
        await self._memory.keep(turn)
        await self._drop(turn.owner)

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Forget a conversation."""
        self._changes += 1
        await self._memory.forget(owner, conversation_id)
        await self._drop(owner)

    async def health(self) -> EngineHealth:
        """Return whether the memory behind the cache works."""
        return await self._memory.health()

    async def _recall(self, owner: Owner, question: str) -> Sequence[Note]:
        return await self._memory.recall(owner, question)

    async def _ask_cache(self, key: str) -> "_CacheEntry":
        """Return what the cache has, else the right to fill it, if it gives that."""
        lease = await self._cache.lease(key, seconds=_FILL_SECONDS, wait=0.0)
        if lease is None or lease.hit is None:
            return _CacheEntry(lease=lease)
        try:
            return _CacheEntry(notes=[Note(**fields) for fields in self._codec.decode(lease.hit.value)])
        except (ValueError, TypeError) as error:
            # Written by an older version, perhaps.
            log.warning("cached notes can't be read", detail=str(error))
            return _CacheEntry()

    async def _first_known(
        self, asking: "asyncio.Task[_CacheEntry]", recalling: asyncio.Task[Sequence[Note]] | None
    ) -> Sequence[Note] | None:
        """Return the notes of the cache, None when it has none or is slower than the memory."""
        either: set[asyncio.Task[Any]] = {asking} if recalling is None else {asking, recalling}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return asking.result().notes if asking.done() else None

    async def _fill_soon(
        self, key: str, notes: Sequence[Note], asking: "asyncio.Task[_CacheEntry] | None", changes: int
    ) -> None:
        """Store what was recalled unless something was said or deleted since."""
        await asyncio.sleep(_HEAD_START_SECONDS)
        lease = (await (asking or self._ask_cache(key))).lease
        # The cache, which refuses what is older than its last change, may have been asked after one that the recall
        # did not see yet.
        if lease is None or not lease.token or self._changes != changes:
            return
        value = self._codec.encode([asdict(note) for note in notes])
        try:
            await self._cache.set(
                key, value, ttl_class=_TTL_CLASS, generation=lease.generation, lease_token=lease.token
            )
        except PayloadTooLarge:
            log.warning("notes are too large to be cached", bytes=len(value))

    async def _drop(self, owner: Owner) -> None:
        await self._cache.invalidate(prefix=self._prefix(owner))

    def _prefix(self, owner: Owner) -> str:
        user = _digest(f"{owner.tenant_id}\0{owner.user_id}")
        return f"chat:memory:{self._name}:{user}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
