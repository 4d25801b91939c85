"""Personalities and templates read through the shared cache; whatever changes one drops it there."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from chat_stream_service.domain.conversations.personality import Personality, Template, TenantStore
from chat_stream_service.domain.model.conversation import Owner, Page
from penstock_kit.cache import CacheClient, cached

Item = TypeVar("Item", Personality, Template)

_TIMES: Final = ("create_time", "update_time")


class CachedStore(Generic[Item]):
    """A TenantStore whose single reads go through cache-service; lists are not cached."""

    def __init__(
        self,
        store: TenantStore[Item],
        cache: CacheClient,
        *,
        prefix: str,
        ttl_class: str,
        from_fields: Callable[..., Item],
    ) -> None:
        self._store = store
        self._cache = cache
        self._prefix = prefix
        self._from_fields = from_fields
        self._fields = cached(key_prefix=prefix, ttl_class=ttl_class, client=cache)(self._load)

    async def create(self, owner: Owner, item: Item) -> None:
        """Store a new item."""
        await self._store.create(owner, item)

    async def get(self, owner: Owner, item_id: str) -> Item:
        """Return an item, from the cache when it is there."""
        fields = await self._fields(owner.tenant_id, item_id)
        times = {name: datetime.fromisoformat(fields[name]) for name in _TIMES}
        return self._from_fields(**{**fields, **times})

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Item]:
        """Return items, oldest first."""
        return await self._store.list_page(owner, size=size, token=token)

    async def replace(self, owner: Owner, item: Item) -> None:
        """Store a changed item."""
        await self._store.replace(owner, item)
        await self._cache.invalidate(prefix=self._prefix)

    async def delete(self, owner: Owner, item_id: str) -> None:
        """Delete an item."""
        await self._store.delete(owner, item_id)
        await self._cache.invalidate(prefix=self._prefix)

    async def _load(self, tenant_id: str, item_id: str) -> dict[str, Any]:
        """Return an item as JSON can hold it."""
        item = await self._store.get(Owner(tenant_id=tenant_id, user_id=""), item_id)
        return asdict(item) | {name: getattr(item, name).isoformat() for name in _TIMES}


def cached_personalities(store: TenantStore[Personality], cache: CacheClient) -> CachedStore[Personality]:
    """Return the personalities of `store`, cached like a catalogue."""
    return CachedStore(store, cache, prefix="chat:personality", ttl_class="catalogue", from_fields=_personality)


def cached_templates(store: TenantStore[Template], cache: CacheClient) -> CachedStore[Template]:
    """Return the templates of `store`, cached like templates."""
    return CachedStore(store, cache, prefix="chat:template", ttl_class="template", from_fields=Template)


def _personality(**fields: Any) -> Personality:
    tools: tuple[str, ...] = tuple(fields.pop("tools"))
    return Personality(tools=tools, **fields)
