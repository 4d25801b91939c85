"""The RPCs that take rows in."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final

from penstock.feature.v1 import feature_pb2

from feature_service.domain.ingest.ingest_counts import IngestCounts
from feature_service.domain.ingest.ingestion import Ingestion
from feature_service.domain.ingest.plan import BodyFormat, BodySpool, IngestReport
from feature_service.domain.ingest.point_ingestion import PointIngestion
from feature_service.domain.ingest.progress import IngestProgress
from feature_service.edge import convert
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument
from penstock_kit.opened import opened_in_thread

_TELL_SECONDS: Final = 1.0
Parts = AsyncIterator[feature_pb2.IngestRequest] | AsyncIterator[feature_pb2.WatchIngestRequest]


class IngestRpcs:
    """Spools a body until all of it has arrived, then reads and stores it."""

    def __init__(
        self,
        *,
        ingestion: Ingestion,
        points: PointIngestion,
        ingest_counts: IngestCounts,
        spool: Callable[[], BodySpool],
        tell_seconds: float = _TELL_SECONDS,
    ) -> None:
        self._ingestion = ingestion
        self._points = points
        self._ingest_counts = ingest_counts
        self._spool = spool
        self._tell_seconds = tell_seconds

    async def Ingest(
        self, request_iterator: AsyncIterator[feature_pb2.IngestRequest], context: Any
    ) -> feature_pb2.IngestResponse:
        """Take rows in; they are read when the whole body has arrived."""
        return convert.report_to_proto(await self._taken(request_iterator, IngestProgress()))

    async def WatchIngest(
        self, request_iterator: AsyncIterator[feature_pb2.WatchIngestRequest], context: Any
    ) -> AsyncGenerator[feature_pb2.WatchIngestResponse]:
        """Take rows in, and tell about every second how far it is."""
        progress = IngestProgress()
        work = asyncio.create_task(self._taken(request_iterator, progress))
        try:
            while not (await asyncio.wait([work], timeout=self._tell_seconds))[0]:
                yield feature_pb2.WatchIngestResponse(progress=convert.progress_to_proto(progress))
            yield feature_pb2.WatchIngestResponse(result=convert.report_to_proto(work.result()))
        finally:
            # A caller who leaves ends the load, as it does without being told.
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _taken(self, parts: Parts, progress: IngestProgress) -> IngestReport:
        tenant_id = current_context().caller.tenant_id
        first = await anext(parts, None)
        if first is None or first.WhichOneof("content") != "options":
            raise InvalidArgument("the first message of Ingest must be the options", reason="OPTIONS_REQUIRED")
        plan = convert.plan_from_proto(first.options)
        async with opened_in_thread(self._spool) as spool:
            async for message in parts:
                if message.WhichOneof("content") != "chunk":
                    raise InvalidArgument("after the options only chunks may follow", reason="CHUNK_REQUIRED")
                spool.write(message.chunk)
                progress.received_bytes += len(message.chunk)
            if plan.format is BodyFormat.LINE_PROTOCOL:
                report = await self._points.ingest(tenant_id, plan, spool.body())
            else:
                report = await self._ingestion.ingest(tenant_id, plan, spool.body(), progress)
        self._ingest_counts.count(tenant_id, report)
        return report
