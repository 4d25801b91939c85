"""Taking points in, as writers of line protocol send them: of many devices, good ones kept, bad ones named."""

import asyncio
from collections.abc import Callable, Mapping
from typing import IO, Final

from feature_service.domain.ingest.ingestion import MAX_DEVICES
from feature_service.domain.ingest.new_field import NewFields
from feature_service.domain.ingest.plan import FrameStage, IngestPlan, IngestReport
from feature_service.domain.ingest.point_rows import DevicePoints, PointPlan, PointReading, is_all_before_1971
from feature_service.domain.ingest.precision import nanoseconds_of
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.row_staging import RowStaging
from feature_service.domain.ingest.schema import IngestedField
from feature_service.domain.ingest.target import IngestTarget, TargetRegistry
from feature_service.domain.model.device import require_few_fields
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import micros_of
from feature_service.domain.registry.device_registry import is_code
from feature_service.domain.registry.metadata_store import MetadataStore
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, PayloadTooLarge

DEVICE_TAGS: Final = ("device", "host")
"""Tags that name the device where the caller names none: ours, and the one that Telegraf sets."""

_GZIP: Final = b"\x1f\x8b"


class PointIngestion:
    """Stores the points of whole bodies, of at most `max_bytes`.

    The tag of the plan's device column names a point's device, which is registered, with the measurement as its type
    and model, when it is new. All good points are stored in one transaction.
    """

    def __init__(
        self,
        *,
        targets: TargetRegistry,
        metadata: MetadataStore,
        telemetry: TelemetryStore,
        stage: Callable[[], FrameStage],
        clock: Clock,
        max_bytes: int,
    ) -> None:
        self._targets = targets
        self._metadata = metadata
        self._telemetry = telemetry
        self._stage = stage
        self._clock = clock
        self._max_bytes = max_bytes

    async def ingest(self, tenant_id: str, plan: IngestPlan, body: IO[bytes]) -> IngestReport:
        """Store the points of `body` and say which lines were refused; sending it again changes nothing.

        Raises InvalidArgument PRECISION_INVALID, BODY_INVALID, or TIME_INVALID when no unit of time was named and
        all points would be of 1970 or before; PayloadTooLarge BODY_LIMIT_EXCEEDED or DEVICES_LIMIT_EXCEEDED;
        Unprocessable FIELDS_LIMIT_EXCEEDED when it adds too many fields, or a data model would have too many.
        """
        points = PointPlan(
            device_tags=(plan.device_column,) if plan.device_column else DEVICE_TAGS,
            unit=nanoseconds_of(plan.precision),
            now=micros_of(self._clock.now()),
        )
        rejections = Rejections()
        devices = await asyncio.to_thread(self._read, body, points, rejections)
        if not plan.precision and is_all_before_1971(devices):
            raise InvalidArgument(
                "all points are of 1970 or before when their times are nanoseconds: name the unit with precision=",
                reason="TIME_INVALID",
            )
        targets = await self._settled(tenant_id, devices, rejections)
        with self._stage() as stage:
            rows = RowStaging(stage=stage, tenant_id=tenant_id, device_code="")
            await asyncio.to_thread(_put_aside, devices, rows)
            await self._store(tenant_id, targets, rows, stage)
            return await asyncio.to_thread(_report, rows, rejections)

    def _read(self, body: IO[bytes], plan: PointPlan, rejections: Rejections) -> dict[str, DevicePoints]:
        data = body.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise PayloadTooLarge(
                f"a body of line protocol may have {self._max_bytes} bytes; send it in parts",
                reason="BODY_LIMIT_EXCEEDED",
            )
        if data.startswith(_GZIP):
            raise InvalidArgument("the body is gzip; say so with Content-Encoding: gzip", reason="BODY_INVALID")
        reading = PointReading(plan, rejections)
        reading.read(data.decode(errors="surrogateescape"))
        devices = reading.devices
        if len(devices) > MAX_DEVICES:
            raise PayloadTooLarge(
                f"the body has points of {len(devices)} devices, at most {MAX_DEVICES} may be in one; send it in parts",
                reason="DEVICES_LIMIT_EXCEEDED",
            )
        return devices

    async def _settled(
        self, tenant_id: str, devices: dict[str, DevicePoints], rejections: Rejections
    ) -> Mapping[str, IngestTarget]:
        """Refuse what does not go with what is known of the devices; return the targets of the rest."""
        targets: dict[str, IngestTarget] = {}
        new = NewFields()
        for code, points in devices.items():
            model = points.measurement if is_code(points.measurement) else ""
            target = await self._targets.find_or_new(tenant_id, code, model)
            stored = await self._telemetry.fields(SeriesKey(tenant_id=tenant_id, device_code=code))
            points.settle({**target.kinds, **stored}, rejections)
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
        for key, seen in rows.seen.items():
            await self._targets.register(tenant_id, targets[key.device_code], seen.kinds)
        if not rows.seen:
            return
        await self._telemetry.append_all(stage.frames(), tenant_id=tenant_id)
        for key, seen in rows.seen.items():
            await self._metadata.note_rows(tenant_id, key.device_code, seen.kinds, first=seen.first, last=seen.last)
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
