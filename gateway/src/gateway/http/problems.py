"""Errors on the wire: problem+json, or the shape of OpenAI, Anthropic or InfluxDB where their clients call."""

import math
from dataclasses import dataclass
from typing import Any, Final

from gateway.http.influx import INFLUX_PATHS, error_header, influx_error, influx_status
from gateway.http.json import encode
from penstock_kit.errors import ErrorKind, PenstockError, http_status, problem_from_error

_OPENAI_TYPES: Final[dict[ErrorKind, str]] = {
    ErrorKind.UNAUTHENTICATED: "authentication_error",
    ErrorKind.PERMISSION_DENIED: "permission_error",
    ErrorKind.RESOURCE_EXHAUSTED: "rate_limit_error",
    ErrorKind.DEADLINE_EXCEEDED: "timeout_error",
    ErrorKind.UNAVAILABLE: "service_unavailable_error",
    ErrorKind.BAD_UPSTREAM: "upstream_error",
    ErrorKind.INTERNAL: "server_error",
}
_ANTHROPIC_TYPES: Final[dict[ErrorKind, str]] = {
    ErrorKind.UNAUTHENTICATED: "authentication_error",
    ErrorKind.PERMISSION_DENIED: "permission_error",
    ErrorKind.NOT_FOUND: "not_found_error",
    ErrorKind.PAYLOAD_TOO_LARGE: "request_too_large",
    ErrorKind.RESOURCE_EXHAUSTED: "rate_limit_error",
    ErrorKind.UNAVAILABLE: "overloaded_error",
    ErrorKind.DEADLINE_EXCEEDED: "timeout_error",
    ErrorKind.BAD_UPSTREAM: "api_error",
    ErrorKind.INTERNAL: "api_error",
}
_CODES: Final[dict[str, str]] = {
    "CREDENTIALS_REQUIRED": "invalid_api_key",
    "CREDENTIALS_INVALID": "invalid_api_key",
    "BUDGET_LIMIT_EXCEEDED": "insufficient_quota",
    "CONTEXT_LIMIT_EXCEEDED": "context_length_exceeded",
}
_TOO_LONG: Final = "CONTEXT_LIMIT_EXCEEDED"
_TOO_LONG_WORDS: Final = "prompt is too long"
# What the operator must mend: no retry of the caller's helps.
_NOT_BY_RETRYING: Final = frozenset({"PROVIDER_CREDENTIALS_INVALID", "PROVIDER_LOCATION_UNSUPPORTED"})
# Seconds an SDK waits by itself; OpenAI's clients take no longer Retry-After for serious.
_LONGEST_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedError:
    """An error ready to be sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def render_error(error: PenstockError, *, path: str, request_id: str, status: int = 0) -> RenderedError:
    """Return `error` in the shape that the clients of `path` understand.

    `status` instead of that of its kind, for what HTTP has a code of its own.
    """
    status = status or http_status(error.kind)
    headers = [(b"content-type", b"application/json"), *_retry_headers(error)]
    if path.startswith("/v1/messages"):
        body = anthropic_error(error, request_id=request_id)
        headers.append((b"request-id", request_id.encode()))
    elif path.startswith("/v1/"):
        body = openai_error(error)
    elif path in INFLUX_PATHS:
        status = influx_status(error) if status == http_status(error.kind) else status
        headers = [(name, b"1" if (name, value) == (b"retry-after", b"0") else value) for name, value in headers]
        body = influx_error(path, error.kind, error.message)
        headers.append(error_header(path, error.kind, error.message))
    else:
        headers[0] = (b"content-type", b"application/problem+json")
        problem = problem_from_error(error, instance=path, request_id=request_id)
        body = {**problem, "status": status, **running_stream(error)}
        if (rejected := error.metadata.get("rows_rejected")) is not None:
            body["data"] = _refused_rows(error, rejected)
    if error.kind is ErrorKind.UNAUTHENTICATED:
        headers.append((b"www-authenticate", b'Bearer realm="penstock"'))
    if path.startswith("/v1/"):
        headers.append((b"x-should-retry", b"true" if _soon(error) else b"false"))
    content = encode(body)
    headers.append((b"content-length", b"%d" % len(content)))
    return RenderedError(status=status, headers=tuple(headers), body=content)


def running_stream(error: PenstockError) -> dict[str, Any]:
    """Return the field that names the stream which a refused question would have to wait for, if it is about one."""
    stream_id = error.metadata.get("stream_id")
    return {"running_stream_id": stream_id} if stream_id else {}


def openai_error(error: PenstockError) -> dict[str, Any]:
    """Return ``{"error": {message, type, code, param}}``, as a body or as a frame in a stream.

    A vendor's own code and param of an error go on as they are.
    """
    code = error.metadata.get("vendor_code") or _CODES.get(error.reason, error.reason.lower())
    if error.reason == _TOO_LONG:
        code = _CODES[_TOO_LONG]  # which clients look for, whatever number the vendor's server has for it
    kind = "insufficient_quota" if code == "insufficient_quota" else _OPENAI_TYPES.get(error.kind)
    param = error.violations[0].field if error.violations else None
    return {
        "error": {
            "message": error.message,
            "type": kind or "invalid_request_error",
            "code": code,
            "param": param,
        }
    }


def anthropic_error(error: PenstockError, *, request_id: str) -> dict[str, Any]:
    """Return ``{"type": "error", "error": {type, message}, request_id}``, as a body or as a frame."""
    kind = _ANTHROPIC_TYPES.get(error.kind, "invalid_request_error")
    message = error.message
    if error.reason == _TOO_LONG and _TOO_LONG_WORDS not in message:
        message = f"{_TOO_LONG_WORDS}: {message}"  # by which clients know that they have to shorten it
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def _refused_rows(error: PenstockError, rejected: str) -> dict[str, Any]:
    """A body of rows that is refused as a whole answers what a body that is taken does."""
    reason = {"line": int(error.metadata.get("line", "1")), "reason": error.message}
    return {"rows_accepted": 0, "rows_rejected": int(rejected), "errors": [reason]}


def _soon(error: PenstockError) -> bool:
    """Whether an SDK should try again by itself: not when it is told to wait for tomorrow's budget, nor in vain."""
    return _passes(error) and (error.retry_after or 0.0) <= _LONGEST_WAIT


def _passes(error: PenstockError) -> bool:
    """Whether what went wrong passes by itself."""
    return error.retryable and error.reason not in _NOT_BY_RETRYING and error.metadata.get("final") != "true"


def _retry_headers(error: PenstockError) -> list[tuple[bytes, bytes]]:
    """A client that may retry is told when; without a time from the source, a second."""
    if not error.retryable or (not _passes(error) and error.retry_after is None):
        return []
    seconds = 1.0 if error.retry_after is None else max(0.0, error.retry_after)
    return [(b"retry-after", b"%d" % math.ceil(seconds)), (b"retry-after-ms", b"%d" % math.ceil(seconds * 1000))]
