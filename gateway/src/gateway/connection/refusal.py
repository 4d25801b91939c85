"""Why a connection's request is refused before the application sees it, and how that is said."""

import http
from dataclasses import dataclass

from gateway.http.problems import render_error
from penstock_kit.errors import (
    DeadlineExceeded,
    InvalidArgument,
    PayloadTooLarge,
    PenstockError,
    Unavailable,
    Unimplemented,
)
from penstock_kit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An HTTP status with the error that explains it; the connection ends with it."""

    status: int
    error: PenstockError


def malformed(message: str) -> Refusal:
    """Return the refusal (400, HTTP_INVALID) of what is not HTTP/1.1 as its specification wants it."""
    return Refusal(status=400, error=InvalidArgument(message, reason="HTTP_INVALID"))


def head_too_large(limit_bytes: int, limit_fields: int) -> Refusal:
    """Return the refusal (431) of a head over the limits."""
    message = f"the head of a request may have {limit_bytes} bytes and {limit_fields} fields; send a smaller one"
    return Refusal(status=431, error=PayloadTooLarge(message, reason="HEAD_LIMIT_EXCEEDED"))


def too_slow(what: str) -> Refusal:
    """Return the refusal (408) of a client that takes too long to send its `what`."""
    message = f"the {what} of the request came too slowly; send it again on a new connection"
    return Refusal(status=408, error=DeadlineExceeded(message, reason="REQUEST_TIMEOUT"))


def coding_unknown(coding: str) -> Refusal:
    """Return the refusal (501) of a transfer coding that is not there."""
    message = f"transfer-encoding {coding!r} is not understood; send chunked or a content-length"
    return Refusal(status=501, error=Unimplemented(message, reason="TRANSFER_ENCODING_UNSUPPORTED"))


def version_unknown(version: str) -> Refusal:
    """Return the refusal (505) of a version of HTTP that is not spoken."""
    message = f"HTTP/{version} is not spoken here; use HTTP/1.1"
    return Refusal(status=505, error=Unimplemented(message, reason="HTTP_VERSION_UNSUPPORTED"))


def method_unknown(method: str) -> Refusal:
    """Return the refusal (501) of a method that is for proxies."""
    return Refusal(status=501, error=Unimplemented(f"{method} is not done here", reason="METHOD_UNSUPPORTED"))


def crowded(limit: int) -> Refusal:
    """Return the refusal (503) of a connection too many."""
    message = f"{limit} connections are open, which is as many as there may be; try again"
    return Refusal(status=503, error=Unavailable(message, reason="CONNECTION_LIMIT_EXCEEDED", retry_after=1.0))


def refusal_bytes(refusal: Refusal, path: str) -> bytes:
    """Return the whole answer of HTTP/1.1, in the shape that callers of `path` understand."""
    request_id = new_id("req")
    rendered = render_error(refusal.error, path=path, request_id=request_id, status=refusal.status)
    headers = (*rendered.headers, (b"x-request-id", request_id.encode()), (b"connection", b"close"))
    phrase = http.HTTPStatus(refusal.status).phrase
    lines = [f"HTTP/1.1 {refusal.status} {phrase}".encode(), *(name + b": " + value for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + rendered.body
