"""The RPC that sends features of any number of windows."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

import asyncio
from collections.abc import AsyncIterator
from typing import IO, Any, Final

from penstock.feature.v1 import feature_pb2

from feature_service.domain.query.feature_export import (
    ExportFormat,
    ExportQuery,
    FeatureExport,
    FeatureFiles,
    FeatureSummary,
)
from feature_service.domain.query.telemetry_queries import TelemetryQueries
from feature_service.edge import convert, convert_extraction
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument
from penstock_kit.opened import opened_in_thread

_CHUNK: Final = 256 * 1024
_TIMES: Final = 100_000
# Values of a piece: 2 MB.
_VALUES: Final = 250_000


class ExportRpcs:
    """Computes, puts aside, and sends what was put aside."""

    def __init__(self, *, queries: TelemetryQueries, export: FeatureExport, files: FeatureFiles) -> None:
        self._of_queries = queries
        self._export = export
        self._files = files

    async def DownloadFeatures(
        self, request: feature_pb2.DownloadFeaturesRequest, context: Any
    ) -> AsyncIterator[feature_pb2.DownloadFeaturesResponse]:
        """Compute features over windows of a device, however many, and send them."""
        asked = request.extraction
        file_format = _format(request.format)
        tenant_id = current_context().caller.tenant_id
        target = await self._of_queries.feature_target(tenant_id, asked.device_code, asked.model_code)
        options = convert_extraction.with_defaults(target.model.defaults if target.model else "", asked.options)
        plan = convert_extraction.plan_from_proto(options)
        span = convert.span_from_proto(asked)
        async with opened_in_thread(self._files.new_matrix) as matrix:
            query = ExportQuery(
                tenant_id=tenant_id, target=target, span=span, plan=plan, fields=tuple(dict.fromkeys(options.fields))
            )
            summary = await self._export.write(query, matrix)
            if file_format is None:
                async for piece in self._pieces(summary, matrix.values):
                    yield feature_pb2.DownloadFeaturesResponse(piece=piece)
                return
            metadata = convert_extraction.summary_to_json(summary)
            file = await asyncio.to_thread(self._files.file, matrix, summary, file_format, metadata)
        name = f"{asked.device_code}_features.{file_format.value}"
        async for message in _sent(file, self._files.content_type(file_format), name):
            yield message

    async def _pieces(self, summary: FeatureSummary, values: Any) -> AsyncIterator[feature_pb2.ExtractFeaturesResponse]:
        yield convert_extraction.summary_to_proto(summary)
        for start in range(0, len(summary.starts), _TIMES):
            times = summary.starts[start : start + _TIMES].astype("int64").tolist()
            yield feature_pb2.ExtractFeaturesResponse(timestamps=times)
        height = max(1, _VALUES // max(1, len(summary.names)))
        for start in range(0, len(values), height):
            block = await asyncio.to_thread(values[start : start + height].tobytes)
            yield feature_pb2.ExtractFeaturesResponse(values=block)


async def _sent(
    file: IO[bytes], content_type: str, filename: str
) -> AsyncIterator[feature_pb2.DownloadFeaturesResponse]:
    try:
        size = await asyncio.to_thread(file.seek, 0, 2)
        await asyncio.to_thread(file.seek, 0)
        yield feature_pb2.DownloadFeaturesResponse(content_type=content_type, filename=filename, size_bytes=size)
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield feature_pb2.DownloadFeaturesResponse(chunk=chunk)
    finally:
        file.close()


def _format(name: str) -> ExportFormat | None:
    try:
        return ExportFormat(name) if name else None
    except ValueError:
        raise InvalidArgument(
            f"format is {name!r}; it must be one of: {', '.join(ExportFormat)}", reason="FORMAT_INVALID"
        ) from None
