"""Telemetry in and out: ingest, newest rows, history."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from penstock.feature.v1 import feature_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ, TELEMETRY_WRITE
from gateway.convert.protobuf import build_message, validate_model
from gateway.convert.scalar import Moment, Seconds, seconds_to_proto, time_from_proto, time_to_proto
from gateway.convert.telemetry import (
    columns_from_table,
    ingested_from_proto,
    rows_from_table,
)
from gateway.http.content_negotiation import preferred_type
from gateway.http.disconnect import ActiveResponses
from gateway.routes.envelope import Stopwatch
from gateway.routes.filters import filters_to_proto
from gateway.routes.plain import PlainRequests
from gateway.routes.router import PROBLEMS, add, api_router
from gateway.routes.strict import RequestModel
from gateway.transfer.download import Download
from gateway.transfer.ingest_progress import MEDIA_TYPE, ProgressLines
from gateway.transfer.upload import Upload
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_AGGREGATE: Final = (
    "Of each bucket: `mean`, `min`, `max`, `first`, `last`, `count`, `sum`, `std` or `median`; several, as "
    "`mean,min,max`, come as columns of their own, named `current_mean`. Instead of buckets, `lttb`: at most "
    "`limit` readings of one field that keep the shape of the series (largest triangle three buckets)."
)
_MAX_GAP: Final = (
    "Of `lttb`: seconds; readings farther apart have a gap between them, whose both ends are kept, and the answer "
    "lists the `gaps`; 0: there are none."
)
INGEST_PATH: Final = "/api/v2/data/ingest"
_INGEST_SECONDS: Final = 3600.0
_QUERY_SECONDS: Final = 60.0
_LARGE_ROWS: Final = 2000
_FORMATS: Final[dict[str, pb.IngestFormat.ValueType]] = {
    "application/json": pb.INGEST_FORMAT_JSON,
    "application/x-ndjson": pb.INGEST_FORMAT_NDJSON,
    "application/ndjson": pb.INGEST_FORMAT_NDJSON,
    "application/jsonl": pb.INGEST_FORMAT_NDJSON,
    "text/csv": pb.INGEST_FORMAT_CSV,
    "application/csv": pb.INGEST_FORMAT_CSV,
    "application/vnd.apache.arrow.stream": pb.INGEST_FORMAT_ARROW,
    "application/vnd.apache.arrow.file": pb.INGEST_FORMAT_ARROW,
    "application/vnd.apache.parquet": pb.INGEST_FORMAT_PARQUET,
}
_BY_NAME: Final[dict[str, pb.IngestFormat.ValueType]] = {
    "json": pb.INGEST_FORMAT_JSON,
    "ndjson": pb.INGEST_FORMAT_NDJSON,
    "csv": pb.INGEST_FORMAT_CSV,
    "arrow": pb.INGEST_FORMAT_ARROW,
    "parquet": pb.INGEST_FORMAT_PARQUET,
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "device_code": {"type": "string"},
                        "model_code": {"type": "string"},
                        "rows": {"type": "array", "items": {"type": "object", "required": ["timestamp"]}},
                    },
                    "required": ["rows"],
                }
            },
            # Client generators know no others; `format` says what the bytes are.
            "application/octet-stream": {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": "CSV, NDJSON, Arrow IPC or Parquet, by `format` or by a content type: "
                    + ", ".join(f"`{kind}`" for kind in _FORMATS),
                }
            },
        },
    }
}
Code = Annotated[str, Query(max_length=128)]


HistoryFormat = Literal["", "rows", "columns", "arrow", "csv"]
RealtimeFormat = Literal["", "rows", "arrow", "csv"]
_HISTORY_FORMAT = "`arrow` and `csv` are files, the others JSON; empty: as the header Accept says, else `rows`."
_FILES: Final = ("arrow", "csv")
_ROWS: Final = 10_000
_LIMIT: Final = (
    "Left out: 10,000, of a file all rows of the range, unless they are reduced by `interval` or `aggregate`, or "
    "`newest_first`."
)
_EXPORT_SECONDS: Final = 3600.0
_TYPES: Final = {
    "application/json": "rows",
    "application/vnd.apache.arrow.file": "arrow",
    "text/csv": "csv",
}
Accept = Annotated[str, Header(include_in_schema=False)]


class RealtimeQuery(RequestModel):
    """Which rows to return, newest first."""

    model_code: str = Field(default="", max_length=128)
    filters: Any = Field(
        default=None,
        description='`{"device_code": "WLD001", "current": {"gt": 180}}`, or an array of {field, operator, value}.',
    )
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=100, ge=1, le=1000)
    fields: list[str] = Field(default_factory=list, description="Empty: all.")
    format: RealtimeFormat = Field(default="", description=_HISTORY_FORMAT)


class HistoryQuery(RequestModel):
    """Which rows of one device to return."""

    device_code: str = Field(min_length=1, max_length=128)
    fields: list[str] = Field(default_factory=list, description="Empty: all.")
    start_time: Moment | None = Field(default=None, description="Inclusive, ISO 8601.")
    end_time: Moment | None = Field(default=None, description="Exclusive.")
    interval: Seconds = Field(default=0, description="Seconds of a bucket; 0: rows as they are.")
    aggregate: str = Field(default="", max_length=80, description=_AGGREGATE)
    limit: int | None = Field(default=None, ge=1, le=100_000, description=_LIMIT)
    newest_first: bool = False
    max_gap: Seconds = Field(default=0, description=_MAX_GAP)
    format: HistoryFormat = Field(default="", description=_HISTORY_FORMAT)

    @property
    def is_unbounded(self) -> bool:
        """Whether all rows of the range are asked for as they are."""
        return self.limit is None and not (self.interval or self.aggregate or self.newest_first or self.max_gap)

    def to_proto(self) -> pb.QueryHistoryRequest:
        """Return the message."""
        return build_message(
            pb.QueryHistoryRequest,
            device_code=self.device_code,
            fields=self.fields,
            start_time=time_to_proto(self.start_time),
            end_time=time_to_proto(self.end_time),
            interval=seconds_to_proto(self.interval),
            **_aggregates(self.aggregate),
            limit=self.limit or _ROWS,
            newest_first=self.newest_first,
            max_gap=seconds_to_proto(self.max_gap),
            format=self.format if self.format in _FILES else "",
        )


class IngestParameters(RequestModel):
    """How to read the body; for CSV, Arrow and Parquet, and overriding what a JSON body says."""

    format: Literal["", "json", "ndjson", "csv", "arrow", "parquet"] = Field(
        default="", description="What the body is; empty: what its content type says."
    )
    device_code: str = Field(default="", max_length=128, description="Needed unless a JSON body names it.")
    model_code: str = Field(default="", max_length=128)
    timestamp_column: str = Field(default="", max_length=256, description="Empty: `timestamp`.")
    delimiter: str = Field(default="", max_length=4, description="CSV separator; empty: guessed.")
    tz: str = Field(default="", max_length=64, description="IANA zone of times without one; empty: UTC.")
    create: bool = Field(default=False, description="Register an unknown device, its fields and the model.")
    device_column: str = Field(
        default="",
        max_length=256,
        description="Column or key that names the device of each row, instead of `device_code`; of NDJSON it is "
        "`device_code` unless named.",
    )
    decimal: str = Field(
        default="", max_length=4, description="CSV: decimal mark, `.` or `,`; empty: told by the cells of each field."
    )
    encoding: str = Field(
        default="", max_length=40, description="CSV: such as `latin-1`; empty: UTF-8, or what a byte order mark says."
    )
    ignore_columns: list[str] = Field(default_factory=list, description="Repeatable: columns to leave out.")
    time_column: str = Field(
        default="", max_length=256, description="CSV: column with the time of day, when `timestamp_column` is a date."
    )
    date_order: Literal["", "dmy", "mdy"] = Field(
        default="", description="CSV: how dates such as 02/03/2026 and 02.03.26 are written; empty: they are refused."
    )
    partial: bool = Field(
        default=False, description="Store what can be read of a body that would be refused as a whole."
    )


class DataRoutes:
    """The routes below ``/api/v2/data``."""

    def __init__(self, *, features: "FeatureServiceAsyncStub", guard: Guard, active: ActiveResponses) -> None:
        self._features = features
        self._active = active
        self.router = api_router("data")
        reader = [Depends(guard.needs(TELEMETRY_READ))]
        self.plain = {
            ("POST", "/api/v2/data/query/realtime"): PlainRequests(
                scope=TELEMETRY_READ, answer=self.query_realtime, body=RealtimeQuery, negotiable=True
            ),
            ("POST", "/api/v2/data/query/history"): PlainRequests(
                scope=TELEMETRY_READ, answer=self.query_history, body=HistoryQuery, negotiable=True
            ),
        }
        writer = [Depends(guard.needs(TELEMETRY_WRITE))]
        # Its body is anything but small: it is passed on as it comes, not parsed here.
        plain = APIRouter(tags=["data"], responses=PROBLEMS)
        add(plain, f"POST {INGEST_PATH}", self.ingest, dependencies=writer, openapi_extra=_BODY)
        self.router.include_router(plain)
        add(self.router, "POST /api/v2/data/query/realtime", self.query_realtime, dependencies=reader)
        add(self.router, "POST /api/v2/data/query/history", self.query_history, dependencies=reader)
        add(self.router, "GET /api/v2/data/query/history", self.get_history, dependencies=reader)

    async def ingest(
        self, request: Request, parameters: Annotated[IngestParameters, Query()], accept: Accept = ""
    ) -> Response:
        """Store rows of one device, or of many. Good rows are stored, bad ones are named with their line.

        Idempotent by device and timestamp: the last value wins. A body that is refused as a whole leaves nothing
        behind. The body may be gzip. With `Accept: application/x-ndjson` the answer tells about every second how far
        it is, a line of JSON each, and the last line is the answer.
        """
        watch = Stopwatch()
        options = pb.IngestOptions(
            format=_BY_NAME.get(parameters.format) or _format(request.headers.get("content-type", "application/json")),
            time_zone=parameters.tz,
            **parameters.model_dump(exclude={"tz", "format"}),
        )
        upload = Upload(options, request.receive)
        if preferred_type(accept, ("application/json", MEDIA_TYPE)) == MEDIA_TYPE:
            return ProgressLines(
                lambda: upload.watch(self._features.WatchIngest, timeout=_INGEST_SECONDS),
                lambda result: bytes(watch.envelope(ingested_from_proto(result)).body),
                request_id=current_context().request_id,
            )
        return watch.envelope(ingested_from_proto(await upload.send(self._features.Ingest, timeout=_INGEST_SECONDS)))

    async def query_realtime(self, body: RealtimeQuery, accept: Accept = "") -> Response:
        """Return the newest rows that fit the filters, by page.

        As JSON, or as an Arrow or CSV file with the device of each row, by `format` or by the header Accept.
        """
        watch = Stopwatch()
        form = body.format or _TYPES[preferred_type(accept, tuple(_TYPES))]
        request = build_message(
            pb.QueryRealtimeRequest,
            model_code=body.model_code,
            filters=filters_to_proto(body.filters),
            page=body.page,
            page_size=body.page_size,
            fields=body.fields,
            format=form if form in _FILES else "",
        )
        response = await self._features.QueryRealtime(request, timeout=_QUERY_SECONDS)
        if form in _FILES:
            more = response.page * response.page_size < response.total
            return _rows_file(response, form, {"x-total": str(response.total)}, truncated=more)
        return watch.envelope(
            {
                "rows": rows_from_table(response.rows),
                "total": response.total,
                "total_is_estimate": response.total_is_estimate,
                "page": response.page,
                "page_size": response.page_size,
            }
        )

    async def query_history(self, body: HistoryQuery, accept: Accept = "") -> Response:
        """Return a device's rows over a range, down-sampled when `interval` is given.

        As JSON, or as an Arrow or CSV file, by `format` or by the header Accept. A file without `limit` has all rows.
        """
        watch = Stopwatch()
        form = body.format or _TYPES[preferred_type(accept, tuple(_TYPES))]
        if form in _FILES and body.is_unbounded:
            return self._export(body, form)
        request = body.model_copy(update={"format": form}).to_proto()
        response = await self._features.QueryHistory(request, timeout=_QUERY_SECONDS)
        if form in _FILES:
            return _rows_file(response, form, {}, truncated=response.truncated)
        if len(response.rows.timestamps) < _LARGE_ROWS:
            return watch.envelope(_history(response, body.format, with_gaps=body.max_gap > 0))
        return await asyncio.to_thread(
            lambda: watch.envelope(_history(response, body.format, with_gaps=body.max_gap > 0))
        )

    def _export(self, body: HistoryQuery, form: str) -> Response:
        request = build_message(
            pb.ExportRowsRequest,
            device_code=body.device_code,
            fields=body.fields,
            start_time=time_to_proto(body.start_time),
            end_time=time_to_proto(body.end_time),
            format=form,
        )
        more = [(b"x-truncated", b"false"), (b"vary", b"accept")]
        return Download(lambda: self._features.ExportRows(request, timeout=_EXPORT_SECONDS), self._active, more=more)

    async def get_history(
        self,
        *,
        device_code: Code,
        field: Annotated[list[str] | None, Query(description="Repeatable; left out: all.")] = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        interval: Annotated[Seconds, Query(description="Seconds of a bucket; 0: rows as they are.")] = 0,
        aggregate: Annotated[str, Query(max_length=80, description=_AGGREGATE)] = "",
        limit: Annotated[int | None, Query(ge=1, le=100_000, description=_LIMIT)] = None,
        newest_first: bool = False,
        max_gap: Annotated[Seconds, Query(description=_MAX_GAP)] = 0,
        format: Annotated[HistoryFormat, Query(description=_HISTORY_FORMAT)] = "",
        accept: Accept = "",
    ) -> Response:
        """The same, asked with parameters."""
        query = validate_model(
            HistoryQuery,
            device_code=device_code,
            fields=field or [],
            start_time=start_time,
            end_time=end_time,
            interval=interval,
            aggregate=aggregate,
            limit=limit,
            newest_first=newest_first,
            max_gap=max_gap,
            format=format,
        )
        return await self.query_history(query, accept)


def _rows_file(
    response: pb.QueryHistoryResponse | pb.QueryRealtimeResponse, form: str, more: Mapping[str, str], *, truncated: bool
) -> Response:
    headers = {
        **more,
        "content-disposition": f'attachment; filename="rows.{form}"',
        "x-truncated": "true" if truncated else "false",
        "vary": "accept",
    }
    return Response(response.file, media_type=response.content_type, headers=headers)


def _aggregates(text: str) -> dict[str, Any]:
    several = [name.strip() for name in text.split(",")]
    return {"aggregates": several} if len(several) > 1 else {"aggregate": text}


def _history(response: pb.QueryHistoryResponse, form: str, *, with_gaps: bool) -> dict[str, Any]:
    table = response.rows
    shape = columns_from_table(table) if form == "columns" else {"rows": rows_from_table(table)}
    told = {**shape, "row_count": len(table.timestamps), "truncated": response.truncated}
    if with_gaps:
        told["gaps"] = [
            {"start_time": time_from_proto(gap, "start_time"), "end_time": time_from_proto(gap, "end_time")}
            for gap in response.gaps
        ]
    return told


def _format(content_type: str) -> pb.IngestFormat.ValueType:
    kind = content_type.partition(";")[0].strip().lower()
    found = _FORMATS.get(kind)
    if found is None:
        message = f"content-type {kind!r} can't be ingested; send one of {', '.join(_FORMATS)}"
        raise InvalidArgument(message, reason="CONTENT_TYPE_UNSUPPORTED")
    return found
