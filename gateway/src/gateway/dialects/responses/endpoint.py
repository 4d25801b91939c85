"""``POST /v1/responses`` as a bare ASGI application."""

from typing import Final

from fastapi import APIRouter, Response, WebSocket
from starlette.types import Receive, Scope, Send

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.dialects.responses.answer import response_from_proto
from gateway.dialects.responses.renderer import ResponseRenderer
from gateway.dialects.responses.request import response_request_from_json
from gateway.http.body import parse_object, read_body
from gateway.http.json import encode
from gateway.model_call.call import ModelCalls
from gateway.model_call.request import ModelRequest
from penstock_kit.aside import run_aside

PATH: Final = "/v1/responses"
_UPGRADE_REQUIRED: Final = 426
_NO_SOCKET: Final = {
    "error": {
        "message": "responses are not served over a WebSocket here; POST the request, with stream for events",
        "type": "invalid_request_error",
        "code": "websocket_unsupported",
        "param": None,
    }
}


class Responses:
    """OpenAI's responses, streamed and not. Nothing is stored: the caller sends the whole conversation."""

    def __init__(self, *, calls: ModelCalls, guard: Guard) -> None:
        self._calls = calls
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._guard.admit(scope["headers"], MODELS)
        body = await read_body(receive)
        request = await run_aside(len(body), lambda: response_request_from_json(parse_object(body)))
        model_request = ModelRequest(
            completion=request.completion,
            stream=request.stream,
            whole=lambda answer: response_from_proto(answer, request.form),
            renderer=lambda: ResponseRenderer(request.form),
            dropped=request.dropped,
        )
        await self._calls.serve(model_request, scope, receive, send)


def socket_router() -> APIRouter:
    """Return the route of WebSockets on the path, all of which are sent back to HTTP."""
    router = APIRouter()
    router.add_api_websocket_route(PATH, _refuse_socket)
    return router


async def _refuse_socket(websocket: WebSocket) -> None:
    """Answer 426, on which clients that try a WebSocket first (Codex) go on over HTTP."""
    headers = {"content-type": "application/json", "upgrade": "HTTP/1.1", "x-should-retry": "false"}
    await websocket.send_denial_response(Response(encode(_NO_SOCKET), status_code=_UPGRADE_REQUIRED, headers=headers))
