"""Sends a file that arrives in chunks over an RPC."""

import re
from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.http.disconnect import ActiveResponses, DisconnectGuard
from gateway.http.headers import Header
from penstock_kit.errors import BadUpstream
from penstock_kit.grpc.call import EOF

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


class Download(Response):
    """An answer whose body is the chunks of a streaming RPC; the first one says what it is.

    Errors before the first chunk keep their status. A download that breaks off later ends the connection
    before the announced length, which every client notices.
    """

    def __init__(self, start: Callable[[], Any], active: ActiveResponses) -> None:
        super().__init__()
        self._start = start
        self._active = active

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        async with DisconnectGuard(receive, self._active), self._start() as call:
            first = await call.read()
            if first is EOF:
                raise BadUpstream("the file came without content", reason="STREAM_INTERRUPTED")
            await send({"type": "http.response.start", "status": 200, "headers": _headers(first)})
            chunk = first
            while chunk is not EOF:
                await send({"type": "http.response.body", "body": chunk.chunk, "more_body": True})
                chunk = await call.read()
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _headers(first: Any) -> list[Header]:
    name = _UNSAFE.sub("_", first.filename) or "download"
    headers = [
        (b"content-type", (first.content_type or "application/octet-stream").encode("ascii", "replace")),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
    ]
    if first.size_bytes:
        headers.append((b"content-length", b"%d" % first.size_bytes))
    return headers
