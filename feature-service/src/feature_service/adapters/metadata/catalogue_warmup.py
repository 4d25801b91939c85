"""Filling the cache with the catalogue: what every tenant's questions begin with."""

from typing import Final

from feature_service.adapters.metadata.cached_catalogue import CachedCatalogue
from feature_service.domain.registry.metadata_store import DeviceFilter, MetadataStore, ModelFilter
from penstock_kit.cache.warmup import as_tenant

# Tenants that are warmed; the others' values are cached when they are first read.
_MOST_TENANTS: Final = 200
_SERVICE: Final = "feature-service"


class CatalogueWarmup:
    """Reads each tenant's catalogue anew: what the cache held of it may be of an earlier database.

    `page_size` is that of a list that is asked for without one: the first page is warmed.
    """

    def __init__(self, *, store: MetadataStore, catalogue: CachedCatalogue, page_size: int) -> None:
        self._store = store
        self._catalogue = catalogue
        self._page_size = page_size

    async def load_models(self) -> int:
        """Read the list of data models and each active one; return how many values that were."""
        loaded = 0
        for tenant_id in (await self._store.tenants())[:_MOST_TENANTS]:
            with as_tenant(_SERVICE, tenant_id):
                await self._catalogue.drop_models(tenant_id)
                await self._catalogue.models(tenant_id, ModelFilter(), after="", limit=self._page_size)
                codes = await self._active_codes(tenant_id)
                for code in codes:
                    await self._catalogue.model(tenant_id, code)
                loaded += 2 + len(codes)
        return loaded

    async def load_fields(self) -> int:
        """Read the list of devices, the fields of each, and the devices of each active data model."""
        loaded = 0
        for tenant_id in (await self._store.tenants())[:_MOST_TENANTS]:
            with as_tenant(_SERVICE, tenant_id):
                await self._catalogue.drop_devices(tenant_id)
                page = await self._catalogue.devices(tenant_id, DeviceFilter(), after="", limit=self._page_size)
                for device in page.devices:
                    await self._catalogue.device(tenant_id, device.code)
                codes = await self._active_codes(tenant_id)
                for code in codes:
                    await self._catalogue.device_codes(tenant_id, model_code=code)
                loaded += 1 + len(page.devices) + len(codes)
        return loaded

    async def _active_codes(self, tenant_id: str) -> list[str]:
        page = await self._catalogue.models(tenant_id, ModelFilter(active_only=True), after="", limit=self._page_size)
        return [model.code for model in page.models]
