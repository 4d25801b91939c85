"""Devices whose rows lie in tables that others write: they are registered as rows of their own would register them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from feature_service.domain.ingest.target import TargetRegistry
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.registry.metadata_store import MetadataStore
from penstock_kit.errors import PenstockError


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingDevice:
    """A device that a table has, its fields, and the times of its first and last row."""

    key: SeriesKey
    model_code: str
    kinds: Mapping[str, FieldKind]
    first: int
    last: int


@runtime_checkable
class TableReader(Protocol):
    """A telemetry store that reads tables which others write."""

    async def existing_devices(self) -> Sequence[ExistingDevice]:
        """Return the devices of those tables."""
        ...


class ExistingDevices:
    """Registers the devices that `reader` finds; `report` is told of each that cannot be."""

    def __init__(
        self,
        *,
        reader: TableReader,
        targets: TargetRegistry,
        metadata: MetadataStore,
        report: Callable[[SeriesKey, PenstockError], None],
    ) -> None:
        self._reader = reader
        self._targets = targets
        self._metadata = metadata
        self._report = report

    async def register(self) -> int:
        """Register those that are new, note the times of all, and return how many there are."""
        devices = await self._reader.existing_devices()
        for device in devices:
            try:
                await self._register(device)
            except PenstockError as error:
                if error.retryable:
                    raise
                self._report(device.key, error)
        return len(devices)

    async def _register(self, device: ExistingDevice) -> None:
        tenant_id, code = device.key.tenant_id, device.key.device_code
        target = await self._targets.find_or_new(tenant_id, code, device.model_code)
        await self._targets.register(tenant_id, target, device.kinds)
        await self._metadata.note_rows(tenant_id, code, device.kinds, first=device.first, last=device.last)
        if target.model is not None:
            await self._targets.extend_model(tenant_id, target.model.code, device.kinds)
