"""Sends a file that arrives in chunks over an RPC."""

import re
from collections.abc import Callable, Sequence
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
    before the announced length, or the last chunk, which every client notices. `more` are further headers.
    """

    def __init__(
        self,
        start: Callable[[], Any],
        active: ActiveResponses,
        *,
        etag: str = "",
        ranged: bool = False,
        more: Sequence[Header] = (),
    ) -> None:
        super().__init__()
        self._more = more
        self._start = start
        self._active = active
        self._etag = etag
        self._ranged = ranged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        async with DisconnectGuard(receive, self._active), self._start() as call:
            first = await call.read()
            if first is EOF:
                raise BadUpstream("the file came without content", reason="STREAM_INTERRUPTED")
            status, headers = self._head(first)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            chunk = first
            while chunk is not EOF:
                await send({"type": "http.response.body", "body": chunk.chunk, "more_body": True})
                chunk = await call.read()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _head(self, first: Any) -> tuple[int, list[Header]]:
        """The status and the headers: of the file, of a part of it, or of a part that it does not have."""
        headers = [*_headers(first), *self._more]
        if not self._etag:
            return 200, headers
        size, offset = first.size_bytes, first.offset
        length = first.length or (0 if self._ranged else size)
        headers = [header for header in headers if header[0] != b"content-length"]
        headers += [(b"accept-ranges", b"bytes"), (b"etag", self._etag.encode("ascii", "replace"))]
        headers.append((b"content-length", b"%d" % length))
        if not self._ranged:
            return 200, headers
        if not length:
            return 416, [*headers, (b"content-range", b"bytes */%d" % size)]
        return 206, [*headers, (b"content-range", b"bytes %d-%d/%d" % (offset, offset + length - 1, size))]


def _headers(first: Any) -> list[Header]:
    name = _UNSAFE.sub("_", first.filename) or "download"
    headers = [
        (b"content-type", (first.content_type or "application/octet-stream").encode("ascii", "replace")),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
    ]
    if first.size_bytes:
        headers.append((b"content-length", b"%d" % first.size_bytes))
    return headers
