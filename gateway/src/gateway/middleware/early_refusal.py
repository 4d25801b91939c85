"""Refuses work that is too much as soon as the head of its request is there, at next to no cost.

A refusal that went the way of any answer would cost a fifth of a small completion, and a few thousand of them a second
would leave no time for what is accepted.
"""

import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from gateway.http.problems import render_error
from gateway.middleware.metrics import HttpMetrics
from gateway.middleware.overload import OVERLOADED, WorkAdmission

# A request id; all have the same length.
_ID_BYTES: Final = 13
_ANY_ID: Final = "req_" + "0" * (2 * _ID_BYTES)
_METHODS: Final = {b"POST": "POST", b"GET": "GET"}
# Who sends these gets an answer that depends on them, the long way.
_SPECIAL: Final = frozenset({b"origin", b"x-request-id", b"traceparent"})
_LONGEST_PATH: Final = 200
_UNAVAILABLE: Final = 503


class EarlyRefusal:
    """Answers a request by its head alone when `admission` has no room for it; the others go on to be decided later."""

    def __init__(self, admission: WorkAdmission, metrics: HttpMetrics) -> None:
        self._admission = admission
        self._metrics = metrics

    def __call__(self, method: bytes, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """Return the whole answer of HTTP/1.1, None when the request is not refused here."""
        named = _METHODS.get(method)
        if named is None or len(url) > _LONGEST_PATH or b"%" in url:
            return None
        path = url.partition(b"?")[0].decode("ascii", "replace")
        work = self._admission.work_of(named, path)
        if work is None or not work.limiter.is_full:
            return None
        if not _SPECIAL.isdisjoint(name for name, _ in headers):
            return None
        tenant_id = self._admission.tenant_of(headers)
        if not work.limiter.has_its_share(tenant_id):
            return None
        self._admission.note_refusal(work)
        request_id = f"req_{secrets.token_hex(_ID_BYTES)}"
        self._metrics.observe(
            method=named,
            endpoint=work.prefix,
            status=_UNAVAILABLE,
            seconds=0.0,
            tenant_id=tenant_id,
            request_id=request_id,
        )
        return _answer(path).replace(_ANY_ID.encode(), request_id.encode())


@lru_cache(maxsize=256)
def _answer(path: str) -> bytes:
    rendered = render_error(OVERLOADED, path=path, request_id=_ANY_ID)
    headers = (
        *rendered.headers,
        (b"x-request-id", _ANY_ID.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    )
    lines = [b"HTTP/1.1 503 Service Unavailable", *(name + b": " + value for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + rendered.body
