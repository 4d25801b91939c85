"""Personalities and templates read through the shared cache; whatever changes one drops it there."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from chat_stream_service.domain.cache import Cache
from chat_stream_service.domain.conversation import Owner, Page
from chat_stream_service.domain.personality import Personality, Template, TenantStore

Item = TypeVar("Item", Personality, Template)

_TIMES: Final = ("create_time", "update_time")


class CachedStore(Generic[Item]):
    """A TenantStore whose single reads go through a cache; lists are not cached."""

    def __init__(
        self, store: TenantStore[Item], cache: Cache, *, prefix: str, ttl_class: str, from_fields: Callable[..., Item]
    ) -> None:
        self._store = store
        self._cache = cache
        self._prefix = prefix
        self._ttl_class = ttl_class
        self._from_fields = from_fields

    async def create(self, owner: Owner, item: Item) -> None:
        """Store a new item."""
        await self._store.create(owner, item)

    async def get(self, owner: Owner, item_id: str) -> Item:
        """Return an item, from the cache when it is there."""

        async def load() -> bytes:
            return json.dumps(asdict(await self._store.get(owner, item_id)), default=datetime.isoformat).encode()

        fields = json.loads(await self._cache.read(self._key(item_id), self._ttl_class, load))
        times = {name: datetime.fromisoformat(fields[name]) for name in _TIMES}
        return self._from_fields(**{**fields, **times})

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Item]:
        """Return items, oldest first."""
        return await self._store.list_page(owner, size=size, token=token)

    async def replace(self, owner: Owner, item: Item) -> None:
        """Store a changed item."""
        await self._store.replace(owner, item)
        await self._cache.forget(self._key(item.id))

    async def delete(self, owner: Owner, item_id: str) -> None:
        """Delete an item."""
        await self._store.delete(owner, item_id)
        await self._cache.forget(self._key(item_id))

    def _key(self, item_id: str) -> str:
        return f"{self._prefix}:{item_id}"


def cached_personalities(store: TenantStore[Personality], cache: Cache) -> CachedStore[Personality]:
    """Return the personalities of `store`, cached like a catalogue."""
    return CachedStore(store, cache, prefix="chat:personality", ttl_class="catalogue", from_fields=_personality)


def cached_templates(store: TenantStore[Template], cache: Cache) -> CachedStore[Template]:
    """Return the templates of `store`, cached like templates."""
    return CachedStore(store, cache, prefix="chat:template", ttl_class="template", from_fields=Template)


def _personality(**fields: Any) -> Personality:
    tools: tuple[str, ...] = tuple(fields.pop("tools"))
    return Personality(tools=tools, **fields)
