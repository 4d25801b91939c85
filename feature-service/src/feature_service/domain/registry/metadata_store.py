"""The port to the metadata of devices and data models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFilter:
    """Which devices to list; empty means any. `search` is part of the code or the name, in any case."""

    device_type: str = ""
    model_code: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFilter:
    """Which data models to list; empty means any."""

    device_type: str = ""
    model_type: str = ""
    active_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePage:
    """Devices in the order of their codes; `total` counts all that fit, as an estimate when it says so.

    `is_cut`: fewer than were asked for, because more would not fit into a message.
    """

    devices: Sequence[Device]
    total: int
    total_is_estimate: bool = False
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """Data models in the order of their codes; `total` counts all that fit, as an estimate when it says so.

    `is_cut`: fewer than were asked for, because more would not fit into a message.
    """

    models: Sequence[DataModel]
    total: int
    total_is_estimate: bool = False
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTimes:
    """When the first and the last row of a device were measured, in microseconds; None before the first."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedRows:
    """Rows of a device that were stored: their fields, and the times of the first and the last in microseconds."""

    code: str
    fields: Mapping[str, FieldKind]
    first: int
    last: int


class Catalogue(Protocol):
    """Devices and data models to be read, perhaps from a cache, which every change drops at once.

    Lists are ordered by code and continue after a code.
    """

    async def device(self, tenant_id: str, code: str) -> Device | None:
        """Return the device, perhaps without its seen times; None when the tenant has none of that code."""
        ...

    async def devices(self, tenant_id: str, criteria: DeviceFilter, *, after: str, limit: int) -> DevicePage:
        """Return at most `limit` devices whose codes come after `after`, with their seen times."""
        ...

    async def device_codes(self, tenant_id: str, *, model_code: str = "", limit: int = 10_000) -> Sequence[str]:
        """Return the codes of the tenant's devices, of one data model when given."""
        ...

    async def model(self, tenant_id: str, code: str) -> DataModel | None:
        """Return the data model, None when the tenant has none of that code."""
        ...

    async def models(self, tenant_id: str, criteria: ModelFilter, *, after: str, limit: int) -> ModelPage:
        """Return at most `limit` data models whose codes come after `after`."""
        ...


class MetadataStore(Catalogue, Protocol):
    """Devices and data models by tenant and code, as they are stored now."""

    async def seen_times(self, tenant_id: str, codes: Sequence[str]) -> Mapping[str, SeenTimes]:
        """Return when the devices among `codes` were seen."""
        ...

    async def tenants(self) -> Sequence[str]:
        """Return the tenants that have devices or data models."""
        ...

    async def add_device(self, tenant_id: str, added: Device) -> None:
        """Add the device with its fields; raises AlreadyExists DEVICE_EXISTS."""
        ...

    async def add_devices(self, tenant_id: str, added: Sequence[Device]) -> None:
        """Add those of the devices that are not there yet, with their fields, hundreds in one transaction."""
        ...

    async def change_device(self, tenant_id: str, changed: Device) -> None:
        """Replace what is stored of the device, but its fields and seen times."""
        ...

    async def note_rows(
        self, tenant_id: str, code: str, fields: Mapping[str, FieldKind], *, first: int, last: int
    ) -> bool:
        """Record that rows with these fields between these times were stored: adds fields, widens the seen times.

        Return whether a field was new.
        """
        ...

    async def note_all_rows(self, tenant_id: str, notes: Sequence[NotedRows]) -> bool:
        """Record rows of many devices as :meth:`note_rows` does, hundreds of devices in one transaction."""
        ...

    async def remove_device(self, tenant_id: str, code: str) -> bool:
        """Remove the device; return whether it was there."""
        ...

    async def model_codes(self, tenant_id: str, *, limit: int = 1_000) -> Sequence[str]:
        """Return the codes of the tenant's data models."""
        ...

    async def add_model(self, tenant_id: str, added: DataModel) -> None:
        """Add the model with its fields; raises AlreadyExists DATA_MODEL_EXISTS."""
        ...

    async def change_model(self, tenant_id: str, changed: DataModel) -> None:
        """Replace what is stored of the model, fields included."""
        ...

    async def extend_model(self, tenant_id: str, code: str, fields: Sequence[Field], *, updated: int) -> bool:
        """Add to the model the fields it lacks, behind its own; return False when it was removed or lacks none."""
        ...

    async def remove_model(self, tenant_id: str, code: str) -> bool:
        """Remove the model; return whether it was there. Raises FailedPrecondition DATA_MODEL_CONFLICT when in use."""
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...
