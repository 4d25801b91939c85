"""Sends the features of any number of windows as JSON, piece by piece, in the envelope."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.convert.feature import extraction_metadata, matrix_from_bytes
from gateway.convert.scalar import time_from_micros
from gateway.http.disconnect import ActiveResponses, DisconnectGuard
from gateway.http.json import encode
from penstock_kit.errors import BadUpstream
from penstock_kit.grpc.call import EOF

_HEADERS: Final = [(b"content-type", b"application/json")]


class FeatureJson(Response):
    """The same object as a short answer has, its keys in another order: names, metadata, times, features.

    Errors before the first piece keep their status. An answer that breaks off later is no whole JSON.
    """

    def __init__(self, start: Callable[[], Any], active: ActiveResponses) -> None:
        super().__init__()
        self._start = start
        self._active = active

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the features."""
        began = time.perf_counter()

        async def write(body: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": more})

        async with DisconnectGuard(receive, self._active), self._start() as call:
            first = await call.read()
            if first is EOF:
                raise BadUpstream("the features came without content", reason="STREAM_INTERRUPTED")
            head = first.piece
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            names, metadata = encode(list(head.feature_names)), encode(extraction_metadata(head))
            await write(
                b'{"success":true,"data":{"feature_names":' + names + b',"metadata":' + metadata + b',"timestamps":['
            )
            in_values, comma = False, b""
            while (message := await call.read()) is not EOF:
                piece = message.piece
                if piece.values and not in_values:
                    await write(b'],"features":[')
                    in_values, comma = True, b""
                text = await asyncio.to_thread(_elements, piece, len(head.feature_names))
                await write(comma + text)
                comma = b"," if text else comma
            milliseconds = round((time.perf_counter() - began) * 1000, 3)
            end = b"]" if in_values else b'],"features":[]'
            await write(end + b'},"execution_time":%s}' % encode(milliseconds), more=False)


def _elements(piece: Any, width: int) -> bytes:
    """The elements of a list, without its brackets."""
    if piece.values:
        return encode(matrix_from_bytes(piece.values, width))[1:-1]
    return encode([time_from_micros(stamp) for stamp in piece.timestamps])[1:-1]
