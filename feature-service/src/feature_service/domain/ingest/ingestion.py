"""Taking rows in: whose they are, reading them, storing them, recording what was seen."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Final

from feature_service.domain.ingest.new_field import NewFields
from feature_service.domain.ingest.plan import BodyFormat, BodyReader, FrameStage, IngestPlan, IngestReport
from feature_service.domain.ingest.progress import IngestProgress, IngestStage
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.row_staging import RowStaging
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.target import IngestTarget, TargetRegistry, shared_schema
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.registry.metadata_store import MetadataStore, NotedRows
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import InvalidArgument, Unprocessable

MAX_DEVICES: Final = 1_000
"""Devices that one body may have rows of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A body that was read: whose rows it has, of which fields, and what was refused."""

    targets: Mapping[str, IngestTarget]
    schema: FieldSchema
    rows: RowStaging
    rejections: Rejections


class Ingestion:
    """Stores the rows of whole bodies.

    A body is read only when all of it has arrived, and its rows are stored in one transaction when all of it was
    read: one that was cut, or that is refused as a whole, leaves nothing.
    """

    def __init__(
        self,
        *,
        targets: TargetRegistry,
        metadata: MetadataStore,
        telemetry: TelemetryStore,
        reader: Callable[[BodyFormat], BodyReader],
        stage: Callable[[], FrameStage],
        kept_since: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._targets = targets
        self._metadata = metadata
        self._telemetry = telemetry
        self._reader = reader
        self._stage = stage
        self._kept_since = kept_since

    async def ingest(
        self, tenant_id: str, plan: IngestPlan, body: IO[bytes], progress: IngestProgress | None = None
    ) -> IngestReport:
        """Store the rows of `body` and say how many were accepted and which were refused; `progress` follows.

        Sending the same body again changes nothing. Raises what :meth:`TargetRegistry.find` does, InvalidArgument
        when the body or its header is wrong, and Unprocessable DEVICES_LIMIT_EXCEEDED, FIELDS_LIMIT_EXCEEDED or, when
        every row is refused, ROWS_INVALID.
        """
        reader = await asyncio.to_thread(self._reader, plan.format)
        named = await asyncio.to_thread(reader.target, body)
        code = _agreed("device_code", plan.device_code, named.device_code)
        model_code = _agreed("model_code", plan.model_code, named.model_code)
        codes = await self._device_codes(reader, plan, body) if plan.device_column else [code]
        if plan.device_column and code:
            raise InvalidArgument(
                f"device_code is {code!r} and device_column {plan.device_column!r}; name one of them",
                reason="DEVICE_CODE_CONFLICT",
            )
        targets = {each: await self._targets.find(tenant_id, each, model_code, create=plan.create) for each in codes}
        schema = shared_schema(targets.values(), create=plan.create)
        with self._stage() as stage:
            read = _Read(
                targets=targets,
                schema=schema,
                rows=RowStaging(stage=stage, tenant_id=tenant_id, device_code=code),
                rejections=Rejections(),
            )
            progress = progress or IngestProgress()
            progress.stage = IngestStage.READING
            await self._read(reader, plan, body, read, progress)
            progress.stage = IngestStage.STORING
            if read.rows.accepted:
                await self._store(tenant_id, read, stage)
            elif read.rejections.count and not plan.partial:
                raise _nothing_left(read.rejections)
            return await asyncio.to_thread(_report, read, code, model_code, self._kept_since())

    async def _device_codes(self, reader: BodyReader, plan: IngestPlan, body: IO[bytes]) -> list[str]:
        codes = sorted(await asyncio.to_thread(reader.devices, body, plan))
        if len(codes) > MAX_DEVICES:
            raise Unprocessable(
                f"the body has rows of {len(codes)} devices, at most {MAX_DEVICES} may be in one; send it in parts",
                reason="DEVICES_LIMIT_EXCEEDED",
            )
        return codes

    async def _read(
        self, reader: BodyReader, plan: IngestPlan, body: IO[bytes], read: _Read, progress: IngestProgress
    ) -> None:
        """Put all good rows aside. A partial body is taken up to where it breaks off."""
        blocks = reader.rows(body, plan, read.schema, read.rejections)
        try:
            while await asyncio.to_thread(read.rows.take, blocks, read.schema):
                progress.rows_accepted, progress.rows_rejected = read.rows.accepted, read.rejections.count
        except InvalidArgument as error:
            if not plan.partial or not read.rows.accepted:
                raise
            read.rejections.add(int(error.metadata.get("line", "0")), error.message)
            read.rejections.note("the body breaks off; what could be read before that is stored")

    async def _store(self, tenant_id: str, read: _Read, stage: FrameStage) -> None:
        seen = read.rows.seen
        new = NewFields()
        for key, extent in seen.items():
            new.add(key.device_code, await self._require_kinds(key, extent.kinds), extent.kinds)
        await self._targets.register_all(
            tenant_id, [(read.targets[key.device_code], extent.kinds) for key, extent in seen.items()]
        )
        await self._telemetry.append_all(stage.frames(), tenant_id=tenant_id)
        await self._metadata.note_all_rows(
            tenant_id,
            [
                NotedRows(code=key.device_code, fields=each.kinds, first=each.first, last=each.last)
                for key, each in seen.items()
            ],
        )
        models = {target.model.code for target in read.targets.values() if target.model is not None}
        if read.schema.is_open:
            for model_code in sorted(models):
                await self._targets.extend_model(tenant_id, model_code, read.schema.seen)

    async def _require_kinds(self, key: SeriesKey, kinds: Mapping[str, FieldKind]) -> Mapping[str, FieldKind]:
        """Refuse what the store would refuse, before anything is registered; return the fields that are stored."""
        stored = await self._telemetry.fields(key)
        for name, kind in kinds.items():
            if stored.get(name, kind) is not kind:
                raise InvalidArgument(
                    f"field {name!r} of device {key.device_code!r} holds {stored[name]}s, the rows bring {kind}s",
                    reason="FIELD_TYPE_CONFLICT",
                    metadata={"field": name},
                )
        return stored


def _nothing_left(rejections: Rejections) -> Unprocessable:
    reasons = "; ".join(f"line {refused.line}: {refused.reason}" for refused in rejections.listed[:3])
    return Unprocessable(
        f"none of the {rejections.count} rows can be stored; {reasons}",
        reason="ROWS_INVALID",
        metadata={"rows_rejected": str(rejections.count), "line": str(rejections.listed[0].line)},
    )


def _report(read: _Read, code: str, model_code: str, kept_since: int | None) -> IngestReport:
    from feature_service.domain.ingest.merge import merge_notes
    from feature_service.domain.ingest.retention_note import retention_notes
    from feature_service.domain.ingest.rounding import rounding_notes

    merged = read.rows.merges.total()
    first = next(iter(read.targets.values()), None)
    return IngestReport(
        device_code=code,
        model_code=first.device.model_code if first else model_code,
        accepted=read.rows.accepted,
        rejected=read.rejections.count,
        merged=merged,
        errors=tuple(read.rejections.listed),
        fields=read.schema.fields(),
        devices=() if code else tuple((key.device_code, extent.rows) for key, extent in read.rows.seen.items()),
        notes=(
            *read.rejections.notes,
            *rounding_notes(read.rejections.rounded),
            *merge_notes(merged),
            *retention_notes((extent.first for extent in read.rows.seen.values()), kept_since),
        ),
    )


def _agreed(name: str, asked: str, in_body: str) -> str:
    """What request and body both say, or the one of them that says something."""
    if asked and in_body and asked != in_body:
        raise InvalidArgument(
            f"{name} is {asked!r} in the request but {in_body!r} in the body; name one", reason="DEVICE_CODE_CONFLICT"
        )
    return asked or in_body
