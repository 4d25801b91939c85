"""A MetadataStore whose changes drop at once what the shared cache holds of them."""

from collections.abc import Mapping, Sequence

from feature_service.adapters.metadata.cached_catalogue import CachedCatalogue
from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind
from feature_service.domain.registry.metadata_store import (
    DeviceFilter,
    DevicePage,
    MetadataStore,
    ModelFilter,
    ModelPage,
    NotedRows,
    SeenTimes,
)


class InvalidatingMetadataStore:
    """Reads from the store itself; what a change touches is gone from the cache before the change is answered.

    The fields of a data model are described by device type, so that a change of one model may change the others' too:
    all data models of the tenant are dropped.
    """

    def __init__(self, store: MetadataStore, catalogue: CachedCatalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    async def device(self, tenant_id: str, code: str) -> Device | None:
        """Return the device."""
        return await self._store.device(tenant_id, code)

    async def devices(self, tenant_id: str, criteria: DeviceFilter, *, after: str, limit: int) -> DevicePage:
        """Return a page of devices."""
        return await self._store.devices(tenant_id, criteria, after=after, limit=limit)

    async def device_codes(self, tenant_id: str, *, model_code: str = "", limit: int = 10_000) -> Sequence[str]:
        """Return codes of devices."""
        return await self._store.device_codes(tenant_id, model_code=model_code, limit=limit)

    async def seen_times(self, tenant_id: str, codes: Sequence[str]) -> Mapping[str, SeenTimes]:
        """Return when devices were seen."""
        return await self._store.seen_times(tenant_id, codes)

    async def add_device(self, tenant_id: str, added: Device) -> None:
        """Add a device."""
        try:
            await self._store.add_device(tenant_id, added)
        finally:
            await self._catalogue.drop_devices(tenant_id)

    async def add_devices(self, tenant_id: str, added: Sequence[Device]) -> None:
        """Add devices that are not there yet."""
        try:
            await self._store.add_devices(tenant_id, added)
        finally:
            await self._catalogue.drop_devices(tenant_id)

    async def change_device(self, tenant_id: str, changed: Device) -> None:
        """Replace what is stored of a device."""
        try:
            await self._store.change_device(tenant_id, changed)
        finally:
            await self._catalogue.drop_devices(tenant_id)

    async def note_rows(
        self, tenant_id: str, code: str, fields: Mapping[str, FieldKind], *, first: int, last: int
    ) -> bool:
        """Record that rows were stored; the seen times are not cached, the fields are."""
        has_new = await self._store.note_rows(tenant_id, code, fields, first=first, last=last)
        if has_new:
            await self._catalogue.drop_devices(tenant_id)
        return has_new

    async def note_all_rows(self, tenant_id: str, notes: Sequence[NotedRows]) -> bool:
        """Record that rows of many devices were stored."""
        has_new = await self._store.note_all_rows(tenant_id, notes)
        if has_new:
            await self._catalogue.drop_devices(tenant_id)
        return has_new

    async def remove_device(self, tenant_id: str, code: str) -> bool:
        """Remove a device."""
        try:
            return await self._store.remove_device(tenant_id, code)
        finally:
            await self._catalogue.drop_devices(tenant_id)

    async def model(self, tenant_id: str, code: str) -> DataModel | None:
        """Return the data model."""
        return await self._store.model(tenant_id, code)

    async def models(self, tenant_id: str, criteria: ModelFilter, *, after: str, limit: int) -> ModelPage:
        """Return a page of data models."""
        return await self._store.models(tenant_id, criteria, after=after, limit=limit)

    async def model_codes(self, tenant_id: str, *, limit: int = 1_000) -> Sequence[str]:
        """Return codes of data models."""
        return await self._store.model_codes(tenant_id, limit=limit)

    async def add_model(self, tenant_id: str, added: DataModel) -> None:
        """Add a data model."""
        try:
            await self._store.add_model(tenant_id, added)
        finally:
            await self._catalogue.drop_models(tenant_id)

    async def change_model(self, tenant_id: str, changed: DataModel) -> None:
        """Replace what is stored of a data model."""
        try:
            await self._store.change_model(tenant_id, changed)
        finally:
            await self._catalogue.drop_models(tenant_id)

    async def extend_model(self, tenant_id: str, code: str, fields: Sequence[Field], *, updated: int) -> bool:
        """Add to a data model the fields it lacks."""
        has_new = await self._store.extend_model(tenant_id, code, fields, updated=updated)
        if has_new:
            await self._catalogue.drop_models(tenant_id)
        return has_new

    async def remove_model(self, tenant_id: str, code: str) -> bool:
        """Remove a data model."""
        try:
            return await self._store.remove_model(tenant_id, code)
        finally:
            await self._catalogue.drop_models(tenant_id)

    async def tenants(self) -> Sequence[str]:
        """Return the tenants that have devices or data models."""
        return await self._store.tenants()

    async def ping(self) -> None:
        """Return when the store answers."""
        await self._store.ping()
