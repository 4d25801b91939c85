"""The RPCs that send features of any number of windows, and any number of rows."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import IO, Any, Final, Protocol

from penstock.feature.v1 import feature_pb2

from feature_service.domain.query.feature_export import (
    ExportFormat,
    ExportQuery,
    FeatureExport,
    FeatureFiles,
    FeatureSummary,
)
from feature_service.domain.query.telemetry_queries import History, RowsFormat, TelemetryQueries
from feature_service.edge import convert, convert_extraction
from feature_service.edge.extraction_request import ExtractionRequests
from feature_service.edge.file_shares import FileShares
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument
from penstock_kit.opened import opened_in_thread

_CHUNK: Final = 256 * 1024
_TIMES: Final = 100_000
# Values of a piece: 2 MB.
_VALUES: Final = 250_000


class RowsFile(Protocol):
    """Writes a file of rows block by block."""

    @property
    def content_type(self) -> str:
        """The media type of the file."""
        ...

    def write(self, history: History, /) -> bytes:
        """Return the bytes of the file that the next rows add."""
        ...

    def end(self) -> bytes:
        """Return the bytes that end the file."""
        ...


class ExportRpcs:
    """Computes, puts aside, and sends what was put aside."""

    def __init__(
        self,
        *,
        queries: TelemetryQueries,
        export: FeatureExport,
        files: FeatureFiles,
        rows_writer: "Callable[[RowsFormat], RowsFile]",
        requests: ExtractionRequests,
    ) -> None:
        self._of_queries = queries
        self._export = export
        self._files = files
        self._rows_writer = rows_writer
        self._requests = requests
        self._shares = FileShares()

    async def ExportRows(
        self, request: feature_pb2.ExportRowsRequest, context: Any
    ) -> AsyncIterator[feature_pb2.ExportRowsResponse]:
        """Send all rows of a device over a range, block by block as they are read."""
        with self._shares.share(current_context().caller.tenant_id):
            async with aclosing(self._rows(request)) as messages:
                async for message in messages:
                    yield message

    async def _rows(self, request: feature_pb2.ExportRowsRequest) -> AsyncGenerator[feature_pb2.ExportRowsResponse]:
        form = convert.rows_format_from_proto(request)
        if form is None:
            raise InvalidArgument(f"no format; it must be one of: {', '.join(RowsFormat)}", reason="FORMAT_INVALID")
        span = convert.span_from_proto(request)
        tenant_id = current_context().caller.tenant_id
        writer = self._rows_writer(form)
        content_type, filename = writer.content_type, f"{request.device_code}_rows.{form.value}"
        rows = self._of_queries.all_rows(tenant_id, request.device_code, tuple(request.fields), span)
        async with aclosing(rows) as blocks:
            async for block in blocks:
                for chunk in _chunks(await asyncio.to_thread(writer.write, block)):
                    yield feature_pb2.ExportRowsResponse(chunk=chunk, content_type=content_type, filename=filename)
                    content_type = filename = ""
        for chunk in _chunks(await asyncio.to_thread(writer.end)):
            yield feature_pb2.ExportRowsResponse(chunk=chunk)

    async def DownloadFeatures(
        self, request: feature_pb2.DownloadFeaturesRequest, context: Any
    ) -> AsyncIterator[feature_pb2.DownloadFeaturesResponse]:
        """Compute features over windows of a device, however many, and send them."""
        with self._shares.share(current_context().caller.tenant_id):
            async with aclosing(self._features(request)) as messages:
                async for message in messages:
                    yield message

    async def _features(
        self, request: feature_pb2.DownloadFeaturesRequest
    ) -> AsyncGenerator[feature_pb2.DownloadFeaturesResponse]:
        file_format = _format(request.format)
        asked = await self._requests.asked(request.extraction)
        query = ExportQuery(
            tenant_id=asked.tenant_id,
            target=asked.target,
            span=asked.span,
            plan=asked.plan,
            fields=asked.fields,
            newest=asked.newest,
        )
        async with opened_in_thread(self._files.new_matrix) as matrix:
            summary = await self._export.write(query, matrix)
            if file_format is None:
                async for piece in self._pieces(summary, matrix.values):
                    yield feature_pb2.DownloadFeaturesResponse(piece=piece)
                return
            metadata = convert_extraction.summary_to_json(summary)
            file = await asyncio.to_thread(self._files.file, matrix, summary, file_format, metadata)
        name = f"{request.extraction.device_code}_features.{file_format.value}"
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


def _chunks(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))


def _format(name: str) -> ExportFormat | None:
    try:
        return ExportFormat(name) if name else None
    except ValueError:
        raise InvalidArgument(
            f"format is {name!r}; it must be one of: {', '.join(ExportFormat)}", reason="FORMAT_INVALID"
        ) from None
