"""A WebSocket that lasts no longer than the credentials it was opened with."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from fastapi import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.token import credentials_error
from gateway.http.json import encode
from gateway.http.problems import render_error
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import PenstockError, http_status

# RFC 6455's registry: the peer is not let in.
_REFUSED: Final = 1008


async def serve_while_admitted(
    websocket: WebSocket, *, caller: Caller, scope: str, monitor: SessionMonitor, serve: Callable[[], Awaitable[None]]
) -> None:
    """Run `serve` until it returns, or until `caller` would no longer be admitted with `scope`.

    The client is then told by an ``error`` without a stream id, as of everything that fails outside of a stream, and
    closed with 1008.
    """
    serving = asyncio.ensure_future(serve())
    with monitor.watch(caller, scope, serving.cancel) as watched:
        try:
            await serving
        except asyncio.CancelledError:
            if not watched.ended:
                raise
    if watched.ended and websocket.application_state is WebSocketState.CONNECTED:
        await _close_refused(websocket)


async def _close_refused(websocket: WebSocket) -> None:
    error = credentials_error()
    told = {
        "type": "error",
        "stream_id": "",
        "sequence": 0,
        "code": http_status(error.kind),
        "reason": error.reason,
        "message": error.message,
        "retryable": error.retryable,
    }
    with suppress(WebSocketDisconnect, RuntimeError):  # it may leave by itself meanwhile
        await websocket.send_text(encode(told).decode())
        await websocket.close(_REFUSED, error.reason)


def deny_websocket(error: PenstockError, path: str) -> Response:
    """Return `error` as the HTTP answer to a handshake."""
    rendered = render_error(error, path=path, request_id=current_context().request_id)
    headers = {name.decode(): value.decode() for name, value in rendered.headers}
    return Response(rendered.body, status_code=rendered.status, headers=headers)
