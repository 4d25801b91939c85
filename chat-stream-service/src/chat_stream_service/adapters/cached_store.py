"""Personalities and templates read through the shared cache; whatever changes one drops it there."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from chat_stream_service.domain.conversations.personality import DEFAULT_PAGE, Personality, Template, TenantStore
from chat_stream_service.domain.model.conversation import Owner, Page
from penstock_kit.cache import CacheClient, JsonCodec, cached
from penstock_kit.cache.warmup import as_tenant
from penstock_kit.context import current_context

Item = TypeVar("Item", Personality, Template)

_TIMES: Final = ("create_time", "update_time")
_JSON: Final = JsonCodec()
# Tenants that are warmed; the others' values are cached when they are first read.
_MOST_TENANTS: Final = 200


class ItemCodec(Generic[Item]):
    """An item as cached bytes: JSON by the names of its fields. Those of another release's are ignored."""

    def __init__(self, item: type[Item]) -> None:
        self._item = item
        self._names = {field.name for field in fields(item)}

    def encode(self, value: Item) -> bytes:
        """Return the item as bytes."""
        return _JSON.encode(value)

    def decode(self, data: bytes) -> Item:
        """Return the item; raises ValueError for what it can't be made of."""
        return _checked(self.build, _JSON.decode(data))

    def build(self, json: Any) -> Item:
        """Return the item of its JSON."""
        known = {name: value for name, value in json.items() if name in self._names}
        known |= {name: datetime.fromisoformat(json[name]) for name in _TIMES}
        if "tools" in known:
            known["tools"] = tuple(known["tools"])
        return self._item(**known)


class PageCodec(Generic[Item]):
    """A page of items as cached bytes."""

    def __init__(self, item: ItemCodec[Item]) -> None:
        self._item = item

    def encode(self, value: Page[Item]) -> bytes:
        """Return the page as bytes."""
        return _JSON.encode(value)

    def decode(self, data: bytes) -> Page[Item]:
        """Return the page; raises ValueError for what it can't be made of."""
        return _checked(self._build, _JSON.decode(data))

    def _build(self, json: Any) -> Page[Item]:
        return Page(items=[self._item.build(each) for each in json["items"]], next_token=json["next_token"])


class CachedStore(Generic[Item]):
    """A TenantStore whose reads go through cache-service, in the caller's tenant; for another's the store is asked."""

    def __init__(
        self,
        store: TenantStore[Item],
        cache: CacheClient,
        *,
        prefix: str,
        ttl_class: str,
        codec: ItemCodec[Item],
        page_size: int = DEFAULT_PAGE,
    ) -> None:
        self._store = store
        self._cache = cache
        self._prefix = prefix
        self._item = cached(key_prefix=f"{prefix}:one", ttl_class=ttl_class, client=cache, codec=codec)(self._load)
        self._page = cached(key_prefix=f"{prefix}:page", ttl_class=ttl_class, client=cache, codec=PageCodec(codec))(
            self._load_page
        )

    async def create(self, owner: Owner, item: Item) -> None:
        """Store a new item."""
        await self._store.create(owner, item)
        await self._cache.invalidate(prefix=self._prefix)

    async def get(self, owner: Owner, item_id: str) -> Item:
        """Return an item, from the cache when it is there."""
        if not _is_callers(owner):
            return await self._store.get(owner, item_id)
        return await self._item(owner.tenant_id, item_id)

    async def get_stored(self, owner: Owner, item_id: str) -> Item:
        """Return an item from the store."""
        return await self._store.get(owner, item_id)

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Item]:
        """Return items, oldest first, from the cache when they are there."""
        if not _is_callers(owner):
            return await self._store.list_page(owner, size=size, token=token)
        return await self._page(owner.tenant_id, size=size, token=token)

    async def replace(self, owner: Owner, item: Item) -> None:
        """Store a changed item."""
        await self._store.replace(owner, item)
        await self._cache.invalidate(prefix=self._prefix)

    async def delete(self, owner: Owner, item_id: str) -> None:
        """Delete an item."""
        await self._store.delete(owner, item_id)
        await self._cache.invalidate(prefix=self._prefix)

    async def tenants(self) -> Sequence[str]:
        """Return the tenants that have any."""
        return await self._store.tenants()

    async def warm_up(self) -> int:
        """Read each tenant's first page anew, list and items; return how many values that were."""
        loaded = 0
        for tenant_id in (await self._store.tenants())[:_MOST_TENANTS]:
            owner = Owner(tenant_id=tenant_id, user_id="")
            with as_tenant("chat-stream-service", tenant_id):
                await self._cache.invalidate(prefix=self._prefix)
                page = await self.list_page(owner, size=DEFAULT_PAGE, token="")
                for item in page.items:
                    await self.get(owner, item.id)
                loaded += 1 + len(page.items)
        return loaded

    async def _load(self, tenant_id: str, item_id: str) -> Item:
        return await self._store.get(Owner(tenant_id=tenant_id, user_id=""), item_id)

    async def _load_page(self, tenant_id: str, *, size: int, token: str) -> Page[Item]:
        return await self._store.list_page(Owner(tenant_id=tenant_id, user_id=""), size=size, token=token)


def cached_personalities(store: TenantStore[Personality], cache: CacheClient) -> CachedStore[Personality]:
    """Return the personalities of `store`, cached like a catalogue."""
    return CachedStore(
        store, cache, prefix="chat:personality", ttl_class="catalogue", codec=ItemCodec[Personality](Personality)
    )


def cached_templates(store: TenantStore[Template], cache: CacheClient) -> CachedStore[Template]:
    """Return the templates of `store`, cached like templates."""
    return CachedStore(store, cache, prefix="chat:template", ttl_class="template", codec=ItemCodec[Template](Template))


def _is_callers(owner: Owner) -> bool:
    return current_context().caller.tenant_id == owner.tenant_id


def _checked(build: Callable[[Any], Any], json: Any) -> Any:
    try:
        return build(json)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the cached record it should be: {error!r}") from None
