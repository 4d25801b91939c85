"""Devices and data models read through the shared cache; whatever changes one drops it there."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from feature_service.adapters.metadata.catalogue_codec import (
    CodesCodec,
    DeviceCodec,
    DevicePageCodec,
    ModelCodec,
    ModelPageCodec,
)
from feature_service.domain.model.device import DataModel, Device
from feature_service.domain.registry.metadata_store import (
    DeviceFilter,
    DevicePage,
    MetadataStore,
    ModelFilter,
    ModelPage,
)
from penstock_kit.cache import CacheClient, cached
from penstock_kit.context import CallContext, Caller, current_context, use_context

_DEVICES: Final = "feature:device"
_MODELS: Final = "feature:model"
# A service's own name, where what it does is on nobody's behalf.
_USER: Final = "feature-service"


class CachedCatalogue:
    """The Catalogue of a store: data models for 24 h, the fields of a device for 6 h, lists of devices for an hour.

    When a device was seen changes with every row: it is read from the store each time, and so are searches. Entries lie
    in the caller's tenant; for another tenant than the caller's the store is asked. What was read stays in this process
    for `local_seconds`, a second at most: give none where another process may change what is read here.
    """

    def __init__(self, store: MetadataStore, cache: CacheClient, *, local_seconds: float = 0.0) -> None:
        self._store = store
        self._cache = cache
        devices: dict[str, Any] = {"client": cache, "local_seconds": local_seconds}
        # Of data models and codes everything is frozen, of devices the fields are not.
        models: dict[str, Any] = {**devices, "ttl_class": "model_config", "frozen": True}
        self._device = cached(key_prefix=f"{_DEVICES}:one", ttl_class="field_mapping", codec=DeviceCodec(), **devices)(
            self._load_device
        )
        self._device_page = cached(
            key_prefix=f"{_DEVICES}:page", ttl_class="catalogue", codec=DevicePageCodec(), **devices
        )(self._load_device_page)
        self._device_codes = cached(
            key_prefix=f"{_DEVICES}:codes", ttl_class="catalogue", codec=CodesCodec(), frozen=True, **devices
        )(store.device_codes)
        self._model = cached(key_prefix=f"{_MODELS}:one", codec=ModelCodec(), **models)(store.model)
        self._model_page = cached(key_prefix=f"{_MODELS}:page", codec=ModelPageCodec(), **models)(store.models)

    async def device(self, tenant_id: str, code: str) -> Device | None:
        """Return the device without its seen times, None when the tenant has none of that code."""
        if not _is_callers(tenant_id):
            return await self._load_device(tenant_id, code)
        return await self._device(tenant_id, code)

    async def devices(self, tenant_id: str, criteria: DeviceFilter, *, after: str, limit: int) -> DevicePage:
        """Return at most `limit` devices whose codes come after `after`, with their seen times of now."""
        if criteria.search or not _is_callers(tenant_id):
            return await self._store.devices(tenant_id, criteria, after=after, limit=limit)
        page = await self._device_page(tenant_id, criteria, after=after, limit=limit)
        seen = await self._store.seen_times(tenant_id, [device.code for device in page.devices])
        return replace(
            page,
            devices=[
                replace(device, first_seen=times.first, last_seen=times.last)
                if (times := seen.get(device.code)) is not None
                else device
                for device in page.devices
            ],
        )

    async def device_codes(self, tenant_id: str, *, model_code: str = "", limit: int = 10_000) -> Sequence[str]:
        """Return the codes of the tenant's devices, of one data model when given."""
        if not _is_callers(tenant_id):
            return await self._store.device_codes(tenant_id, model_code=model_code, limit=limit)
        return await self._device_codes(tenant_id, model_code=model_code, limit=limit)

    async def model(self, tenant_id: str, code: str) -> DataModel | None:
        """Return the data model, None when the tenant has none of that code."""
        if not _is_callers(tenant_id):
            return await self._store.model(tenant_id, code)
        return await self._model(tenant_id, code)

    async def models(self, tenant_id: str, criteria: ModelFilter, *, after: str, limit: int) -> ModelPage:
        """Return at most `limit` data models whose codes come after `after`."""
        if not _is_callers(tenant_id):
            return await self._store.models(tenant_id, criteria, after=after, limit=limit)
        return await self._model_page(tenant_id, criteria, after=after, limit=limit)

    async def drop_devices(self, tenant_id: str) -> None:
        """Drop what is cached of the tenant's devices."""
        await self._drop(tenant_id, _DEVICES)

    async def drop_models(self, tenant_id: str) -> None:
        """Drop what is cached of the tenant's data models."""
        await self._drop(tenant_id, _MODELS)

    async def _drop(self, tenant_id: str, prefix: str) -> None:
        context = current_context()
        if not _is_callers(tenant_id):
            context = CallContext(request_id=context.request_id, caller=Caller(user_id=_USER, tenant_id=tenant_id))
        with use_context(context):
            await self._cache.invalidate(prefix=prefix)

    async def _load_device(self, tenant_id: str, code: str) -> Device | None:
        device = await self._store.device(tenant_id, code)
        return None if device is None else replace(device, first_seen=None, last_seen=None)

    async def _load_device_page(self, tenant_id: str, criteria: DeviceFilter, *, after: str, limit: int) -> DevicePage:
        page = await self._store.devices(tenant_id, criteria, after=after, limit=limit)
        return replace(page, devices=[replace(each, first_seen=None, last_seen=None) for each in page.devices])


def _is_callers(tenant_id: str) -> bool:
    return current_context().caller.tenant_id == tenant_id
