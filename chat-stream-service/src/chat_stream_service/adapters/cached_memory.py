"""Recalled notes read through the shared cache; whatever changes a user's memory drops theirs."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from chat_stream_service.domain.conversation import Owner
from chat_stream_service.domain.engine import EngineHealth
from chat_stream_service.domain.memory import Exchange, Memory, Note
from penstock_kit.cache import CacheClient, cached

_TTL_CLASS: Final = "memory"


class CachedMemory:
    """A Memory whose recalls go through cache-service, 1800 s at most, each user's apart."""

    def __init__(self, memory: Memory, cache: CacheClient, *, name: str) -> None:
        self._memory = memory
        self._cache = cache
        self._name = name

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return what fits the question, from the cache when it is there."""

        async def load(key: str) -> list[dict[str, Any]]:
            return [asdict(note) for note in await self._memory.recall(owner, question)]

        read = cached(key_prefix=self._prefix(owner), ttl_class=_TTL_CLASS, client=self._cache)(load)
        return [Note(**fields) for fields in await read(_digest(question))]

    async def keep(self, exchange: Exchange) -> None:
        """Remember an exchange."""
        await self._memory.keep(exchange)
        await self._drop(exchange.owner)

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Forget a conversation."""
        await self._memory.forget(owner, conversation_id)
        await self._drop(owner)

    async def health(self) -> EngineHealth:
        """Return whether the memory behind the cache works."""
        return await self._memory.health()

    async def _drop(self, owner: Owner) -> None:
        await self._cache.invalidate(prefix=self._prefix(owner))

    def _prefix(self, owner: Owner) -> str:
        user = _digest(f"{owner.tenant_id}\0{owner.user_id}")
        return f"chat:memory:{self._name}:{user}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
