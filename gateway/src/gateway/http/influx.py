"""What clients of InfluxDB are answered: their errors, partial writes, and the questions they ask first."""

import re
from collections.abc import Mapping
from typing import Any, Final

from penstock.feature.v1 import feature_pb2 as pb
from starlette.responses import Response

from gateway.http.json import encode
from penstock_kit.errors import ErrorKind, PenstockError, http_status

WRITE_PATH_V1: Final = "/write"
WRITE_PATH_V2: Final = "/api/v2/write"
WRITE_PATH_V3: Final = "/api/v3/write_lp"
WRITE_PATHS: Final = frozenset({WRITE_PATH_V1, WRITE_PATH_V2, WRITE_PATH_V3})
INFLUX_PATHS: Final = WRITE_PATHS | {"/query", "/ping"}
MAX_WRITE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a body of line protocol, unpacked."""

VERSION_HEADERS: Final = {"x-influxdb-version": "1.8.10", "x-influxdb-build": "OSS"}
DATABASE: Final = "penstock"

_CODES: Final[Mapping[ErrorKind, str]] = {
    ErrorKind.UNAUTHENTICATED: "unauthorized",
    ErrorKind.PERMISSION_DENIED: "forbidden",
    ErrorKind.NOT_FOUND: "not found",
    ErrorKind.PAYLOAD_TOO_LARGE: "request too large",
    ErrorKind.UNPROCESSABLE: "unprocessable entity",
    ErrorKind.RESOURCE_EXHAUSTED: "too many requests",
    ErrorKind.UNAVAILABLE: "unavailable",
    ErrorKind.DEADLINE_EXCEEDED: "unavailable",
    ErrorKind.BAD_UPSTREAM: "unavailable",
    ErrorKind.INTERNAL: "internal error",
}
# Clients send again what was answered 503, and know no other status for a store that is away.
_AWAY: Final = frozenset({ErrorKind.DEADLINE_EXCEEDED, ErrorKind.BAD_UPSTREAM})
_UNAVAILABLE: Final = 503
_LONGEST_HEADER: Final = 200
_UNFIT: Final = re.compile(r"[^\x20-\x7e]")
_CREATE: Final = re.compile(r"\s*CREATE\s+DATABASE\s+\S.*", re.IGNORECASE | re.DOTALL).fullmatch
_SHOW: Final = re.compile(r"\s*SHOW\s+DATABASES\s*;?\s*", re.IGNORECASE).fullmatch


def influx_status(error: PenstockError) -> int:
    """Return the status of an error to a client of InfluxDB."""
    return _UNAVAILABLE if error.kind in _AWAY else http_status(error.kind)


def influx_error(path: str, kind: ErrorKind, message: str) -> dict[str, Any]:
    """Return ``{"error"}`` to a client of InfluxDB 1 or 3, ``{"code", "message"}`` to one of InfluxDB 2."""
    if path == WRITE_PATH_V2:
        return {"code": _CODES.get(kind, "invalid"), "message": message}
    return {"error": message}


def error_header(path: str, kind: ErrorKind, message: str) -> tuple[bytes, bytes]:
    """Return the header that tells of an error too; its value is short and ASCII whatever the message is."""
    if path == WRITE_PATH_V2:
        return b"x-platform-error-code", _CODES.get(kind, "invalid").encode()
    return b"x-influxdb-error", _UNFIT.sub("?", message[:_LONGEST_HEADER]).encode()


def partial_write(path: str, response: pb.IngestResponse) -> Response:
    """Return the answer to a body of which some lines were refused; writers know it by its first two words."""
    first = response.errors[0]
    message = f"partial write: line {first.line}: {first.reason} dropped={response.rows_rejected}"
    body = influx_error(path, ErrorKind.INVALID_ARGUMENT, message)
    if path == WRITE_PATH_V2:
        body["line"] = first.line
    name, value = error_header(path, ErrorKind.INVALID_ARGUMENT, message)
    headers = {**VERSION_HEADERS, name.decode(): value.decode()}
    return Response(encode(body), status_code=400, media_type="application/json", headers=headers)


def refused_lines(response: pb.IngestResponse, *, whole: bool) -> Response:
    """Return the answer of InfluxDB 3 to a body of which lines were refused: these, or the first of a `whole` body."""
    lines = [{"line_number": each.line, "error_message": each.reason} for each in response.errors]
    body: dict[str, Any] = {"error": "partial write of line protocol occurred", "data": lines}
    if whole:
        body = {"error": "parsing failed for write_lp endpoint", "data": lines[0]}
    return Response(encode(body), status_code=400, media_type="application/json", headers=VERSION_HEADERS)


def query_answer(statement: str) -> Response:
    """Return the answer to a statement: databases are not kept apart here, so any may be created."""
    if _CREATE(statement):
        return _results({"statement_id": 0})
    if _SHOW(statement):
        series = {"name": "databases", "columns": ["name"], "values": [[DATABASE]]}
        return _results({"statement_id": 0, "series": [series]})
    message = f"unknown statement {statement[:100]!r}: CREATE DATABASE and SHOW DATABASES are answered here"
    body = encode({"error": message})
    return Response(body, status_code=400, media_type="application/json", headers=VERSION_HEADERS)


def _results(result: dict[str, Any]) -> Response:
    return Response(encode({"results": [result]}), media_type="application/json", headers=VERSION_HEADERS)
