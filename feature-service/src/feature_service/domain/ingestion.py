"""Taking rows in: whose they are, reading them, storing them, recording what was seen."""

import asyncio
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from feature_service.domain.device import MetadataStore
from feature_service.domain.ingest.plan import BodyFormat, BodyReader, IngestPlan, IngestReport
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.target import IngestTarget, TargetRegistry
from feature_service.domain.telemetry import SeriesKey, TelemetryStore
from penstock_kit.errors import InvalidArgument

if TYPE_CHECKING:
    from feature_service.domain.frame import Frame


class Ingestion:
    """Stores the rows of whole bodies. A body is read only when all of it has arrived: a cut one leaves nothing."""

    def __init__(
        self,
        *,
        targets: TargetRegistry,
        metadata: MetadataStore,
        telemetry: TelemetryStore,
        reader: Callable[[BodyFormat], BodyReader],
    ) -> None:
        self._targets = targets
        self._metadata = metadata
        self._telemetry = telemetry
        self._reader = reader

    async def ingest(self, tenant_id: str, plan: IngestPlan, body: IO[bytes]) -> IngestReport:
        """Store the rows of `body` and say how many were accepted and which were refused.

        Rows are stored block by block; sending the same body again changes nothing. Raises what
        :meth:`TargetRegistry.find` does, and InvalidArgument when the body or its header is wrong.
        """
        reader = await asyncio.to_thread(self._reader, plan.format)
        named = await asyncio.to_thread(reader.target, body)
        code = _agreed("device_code", plan.device_code, named.device_code)
        model_code = _agreed("model_code", plan.model_code, named.model_code)
        target = await self._targets.find(tenant_id, code, model_code, create=plan.create)
        schema = target.schema(create=plan.create)
        rejections = Rejections()
        accepted = await self._store(tenant_id, target, schema, reader.rows(body, plan, schema, rejections))
        if schema.is_open and accepted and target.model is not None:
            await self._targets.extend_model(tenant_id, target.model.code, schema.seen)
        return IngestReport(
            device_code=code,
            model_code=target.device.model_code,
            accepted=accepted,
            rejected=rejections.count,
            errors=tuple(rejections.listed),
            fields=tuple(schema.seen),
        )

    async def _store(self, tenant_id: str, target: IngestTarget, schema: FieldSchema, blocks: "Iterator[Frame]") -> int:
        accepted = 0
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            if len(block) == 0:
                continue
            if accepted == 0:
                await self._targets.register(tenant_id, target, schema.seen)
            await self._store_block(SeriesKey(tenant_id=tenant_id, device_code=target.device.code), schema, block)
            accepted += len(block)
        return accepted

    async def _store_block(self, key: SeriesKey, schema: FieldSchema, block: "Frame") -> None:
        from feature_service.domain.ingest.merge import merged

        rows = await asyncio.to_thread(merged, block)
        first, last = rows.timestamps[[0, -1]].astype("int64").tolist()
        await self._telemetry.append(key, rows)
        await self._metadata.note_rows(key.tenant_id, key.device_code, schema.seen, first=first, last=last)


def _agreed(name: str, asked: str, in_body: str) -> str:
    """What request and body both say, or the one of them that says something."""
    if asked and in_body and asked != in_body:
        raise InvalidArgument(
            f"{name} is {asked!r} in the request but {in_body!r} in the body; name one", reason="CODE_MISMATCH"
        )
    return asked or in_body
