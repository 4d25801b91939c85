"""Where writers of InfluxDB's line protocol send their points: the paths of InfluxDB 1, 2 and 3."""

from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import parse_qs

from fastapi import Query, Request, Response
from penstock.feature.v1 import feature_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.influx_credentials import credentials_of
from gateway.auth.scope import TELEMETRY_WRITE
from gateway.http.body import read_body
from gateway.http.influx import (
    VERSION_HEADERS,
    WRITE_PATH_V1,
    WRITE_PATH_V2,
    WRITE_PATH_V3,
    partial_write,
    query_answer,
    refused_lines,
)
from gateway.routes.router import ApiRouter, add
from gateway.transfer.upload import Upload

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_WRITE_SECONDS: Final = 300.0
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            # Client generators know no text/plain.
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary", "description": "Line protocol in UTF-8."}
            }
        },
    }
}
_PARTIAL: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "`partial write: … dropped=N`: the lines that are named were refused, all others are stored."}
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: {
        "description": "`data` are the lines that were refused, and all others are stored; with accept_partial=false "
        "it is the first one, and nothing is stored."
    }
}
DeviceTag = Annotated[
    str, Query(max_length=256, description="Tag that names the device; empty: `device`, or else `host`.")
]
Precision = Annotated[
    str, Query(max_length=20, description="Unit of times: `ns` (default), `us`, `ms`, `s`, `m`, `h`.")
]
PrecisionV3 = Annotated[
    str,
    Query(
        max_length=20,
        description="Unit of times: `nanosecond`, `microsecond`, `millisecond`, `second`, or `auto` (default), by "
        "which each time tells its own by its size.",
    ),
]
AcceptPartial = Annotated[bool, Query(description="Store the good points of a body with bad ones; false: none.")]
Ignored = Annotated[str, Query(description="Taken and not used: the key says whose data it is.")]
Credential = Annotated[str, Query(description="An API key; the user's name is not used.")]


class InfluxRoutes:
    """`/write`, `/api/v2/write`, `/api/v3/write_lp`, `/ping` and `/query` as clients of InfluxDB know them."""

    def __init__(self, *, features: "FeatureServiceAsyncStub", guard: Guard) -> None:
        self._features = features
        self._guard = guard
        self.router = ApiRouter(tags=["influx"])
        write: dict[str, Any] = {"status_code": 204, "openapi_extra": _BODY, "responses": _PARTIAL}
        # Clients send parameters of their version that mean nothing here: these are not refused.
        self.router.add_api_route(WRITE_PATH_V2, self.write, methods=["POST"], **write)
        add(self.router, f"POST {WRITE_PATH_V1}", self.write_v1, **write)
        add(self.router, f"POST {WRITE_PATH_V3}", self.write_v3, **{**write, "responses": _REFUSED})
        add(self.router, "GET /ping", self.ping, status_code=204)
        add(self.router, "GET /query", self.query)
        add(self.router, "POST /query", self.post_query)

    async def write(
        self,
        request: Request,
        *,
        org: Ignored = "",
        bucket: Ignored = "",
        precision: Precision = "",
        device_tag: DeviceTag = "",
    ) -> Response:
        """Store points in line protocol, of many devices, as InfluxDB 2 does. The body may be gzip.

        A device that is new is registered, with the measurement as its type and data model. Good points are stored,
        and durable when the answer comes; of the others it names the first line and how many there were.
        """
        return await self._write(request, precision, device_tag)

    async def write_v1(
        self,
        request: Request,
        *,
        db: Ignored = "",
        precision: Precision = "",
        device_tag: DeviceTag = "",
        u: Ignored = "",
        p: Credential = "",
    ) -> Response:
        """The same, as InfluxDB 1 does."""
        return await self._write(request, precision, device_tag)

    async def write_v3(
        self,
        request: Request,
        *,
        db: Ignored = "",
        precision: PrecisionV3 = "auto",
        accept_partial: AcceptPartial = True,
        no_sync: Annotated[bool, Query(description="Taken and not used: what is answered is durable.")] = False,
        device_tag: DeviceTag = "",
    ) -> Response:
        """The same, as InfluxDB 3 does."""
        return await self._write(request, precision, device_tag, whole=not accept_partial)

    async def ping(self) -> Response:
        """Say that points can be written, and the version whose clients are understood."""
        return Response(status_code=204, headers=VERSION_HEADERS)

    async def query(self, request: Request, *, q: Annotated[str, Query(max_length=1000)] = "") -> Response:
        """Answer what clients of InfluxDB 1 ask before they write: `CREATE DATABASE` and `SHOW DATABASES`."""
        await self._guard.admit(credentials_of(request))
        return query_answer(q)

    async def post_query(self, request: Request, *, q: Annotated[str, Query(max_length=1000)] = "") -> Response:
        """The same, asked by a form."""
        await self._guard.admit(credentials_of(request))
        form = parse_qs((await read_body(request.receive)).decode(errors="replace"))
        return query_answer(q or form.get("q", [""])[0])

    async def _write(self, request: Request, precision: str, device_tag: str, *, whole: bool = False) -> Response:
        await self._guard.admit(credentials_of(request), TELEMETRY_WRITE)
        options = pb.IngestOptions(
            format=pb.INGEST_FORMAT_LINE_PROTOCOL,
            create=True,
            device_column=device_tag,
            time_precision=precision,
            whole=whole,
        )
        response = await Upload(options, request.receive).send(self._features.Ingest, timeout=_WRITE_SECONDS)
        if response.rows_rejected:
            path = request.url.path
            is_v3 = path == WRITE_PATH_V3
            return refused_lines(response, whole=whole) if is_v3 else partial_write(path, response)
        return Response(status_code=204, headers={**VERSION_HEADERS, **_merged(response)})


def _merged(response: pb.IngestResponse) -> dict[str, str]:
    return {"x-penstock-rows-merged": str(response.rows_merged)} if response.rows_merged else {}
