"""Storing points that were read: what goes with the known fields of their devices, in one transaction."""

import asyncio
from collections.abc import Callable, Mapping

from feature_service.domain.ingest.new_field import NewFields, require_dense
from feature_service.domain.ingest.plan import FrameStage, IngestReport
from feature_service.domain.ingest.point_rows import DevicePoints
from feature_service.domain.ingest.registration_allowance import RegistrationAllowance
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.row_staging import RowStaging
from feature_service.domain.ingest.schema import IngestedField
from feature_service.domain.ingest.target import IngestTarget, TargetRegistry
from feature_service.domain.model.device import require_few_fields
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.registry.device_registry import is_code
from feature_service.domain.registry.metadata_store import MetadataStore, NotedRows
from feature_service.domain.telemetry.store import TelemetryStore


class PointStorage:
    """Stores the points of many devices; a device that is new is registered, of the type and model it is said to be."""

    def __init__(
        self,
        *,
        targets: TargetRegistry,
        metadata: MetadataStore,
        telemetry: TelemetryStore,
        stage: Callable[[], FrameStage],
    ) -> None:
        self._targets = targets
        self._metadata = metadata
        self._telemetry = telemetry
        self._stage = stage

    async def store(
        self,
        tenant_id: str,
        devices: dict[str, DevicePoints],
        rejections: Rejections,
        *,
        allowance: RegistrationAllowance | None = None,
        whole: bool = False,
    ) -> IngestReport:
        """Store the points of `devices`; those that can't be are added to `rejections`, and are none where `whole`.

        New devices are registered as the `allowance` grants them, all where there is none.

        Raises Unprocessable FIELDS_LIMIT_EXCEEDED when they add too many fields, or a data model would have too many.
        """
        targets = await self._settled(tenant_id, devices, rejections, allowance)
        with self._stage() as stage:
            rows = RowStaging(stage=stage, tenant_id=tenant_id, device_code="")
            if not (whole and rejections.count):
                await asyncio.to_thread(_put_aside, devices, rows)
            await self._store(tenant_id, targets, rows, stage)
            return await asyncio.to_thread(_report, rows, rejections)

    async def _settled(
        self,
        tenant_id: str,
        devices: dict[str, DevicePoints],
        rejections: Rejections,
        allowance: RegistrationAllowance | None,
    ) -> Mapping[str, IngestTarget]:
        """Refuse what does not go with what is known of the devices; return the targets of the rest."""
        targets: dict[str, IngestTarget] = {}
        new = NewFields()
        for code, points in devices.items():
            model = points.measurement if is_code(points.measurement) else ""
            target = await self._targets.find_or_new(tenant_id, code, model)
            if target.device_is_new and allowance is not None and not allowance.grant(code):
                points.refuse(allowance.refusal, rejections)
                continue
            stored = await self._telemetry.fields(SeriesKey(tenant_id=tenant_id, device_code=code))
            points.settle({**target.kinds, **stored}, rejections)
            require_dense(code, *points.size())
            new.add(code, stored, points.kinds)
            targets[code] = target
        return targets

    async def _store(
        self, tenant_id: str, targets: Mapping[str, IngestTarget], rows: RowStaging, stage: FrameStage
    ) -> None:
        models: dict[str, dict[str, FieldKind]] = {}
        for key, seen in rows.seen.items():
            if (model := targets[key.device_code].model) is not None:
                models.setdefault(model.code, {field.code: field.kind for field in model.fields}).update(seen.kinds)
        for code, kinds in models.items():
            require_few_fields(f"model {code!r}", len(kinds))
        await self._targets.register_all(
            tenant_id, [(targets[key.device_code], seen.kinds) for key, seen in rows.seen.items()]
        )
        if not rows.seen:
            return
        await self._telemetry.append_all(stage.frames(), tenant_id=tenant_id)
        await self._metadata.note_all_rows(
            tenant_id,
            [
                NotedRows(code=key.device_code, fields=each.kinds, first=each.first, last=each.last)
                for key, each in rows.seen.items()
            ],
        )
        for code, kinds in sorted(models.items()):
            await self._targets.extend_model(tenant_id, code, kinds)


def _put_aside(devices: Mapping[str, DevicePoints], rows: RowStaging) -> None:
    for code, points in devices.items():
        for frame in points.frames():
            rows.put_aside(code, frame)


def _report(rows: RowStaging, rejections: Rejections) -> IngestReport:
    kinds = {name: kind for seen in rows.seen.values() for name, kind in seen.kinds.items()}
    rejections.listed.sort(key=lambda refused: refused.line)
    return IngestReport(
        device_code="",
        model_code="",
        accepted=rows.accepted,
        rejected=rejections.count,
        merged=rows.merges.total(),
        errors=tuple(rejections.listed),
        fields=tuple(IngestedField(name=name, kind=kind) for name, kind in kinds.items()),
        devices=tuple((key.device_code, seen.rows) for key, seen in rows.seen.items()),
        notes=tuple(rejections.notes),
    )
