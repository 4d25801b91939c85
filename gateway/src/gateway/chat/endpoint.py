"""``POST /api/v1/conversations/{conversation_id}/stream`` as a bare ASGI application: the other hot path."""

from typing import Any, Final

from penstock.chat.v1 import chat_pb2 as pb
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from gateway.auth.guard import Guard
from gateway.auth.scope import CHAT
from gateway.chat.request import StreamChatRequest
from gateway.chat.sse_response import EventRelay, Relayer
from gateway.convert.message import message
from gateway.http.body import parse_storable, read_body
from gateway.http.headers import idempotency_key
from gateway.http.validation import invalid
from penstock_kit.ids import new_id

PATH: Final = "/api/v1/conversations/{conversation_id}/stream"
_LONGEST_KEY: Final = 200


class Asking:
    """Asks, and streams the answer as Server-Sent Events. FastAPI has the same route, for the OpenAPI page."""

    def __init__(self, *, relayer: Relayer, guard: Guard) -> None:
        self._relayer = relayer
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what it raises before the answer began, the frame around it turns into an answer."""
        await self._guard.admit(scope["headers"], CHAT)
        question = _validated(parse_storable(await read_body(receive)))
        key = _checked(idempotency_key(scope["headers"]))
        relay = asked(self._relayer, scope["path_params"]["conversation_id"], question, key, debug=False)
        await relay(scope, receive, send)


def asked(
    relayer: Relayer, conversation_id: str, question: StreamChatRequest, idempotency_key: str, *, debug: bool
) -> EventRelay:
    """Return the answer to `question`, which is asked when the answer is sent."""
    request = message(
        pb.StreamChatRequest,
        conversation_id=conversation_id,
        debug=debug,
        request_id=idempotency_key or new_id("ask"),
        **question.model_dump(),
    )
    return relayer.relay(lambda: relayer.streams.StreamChat(request), debug=debug)


def _validated(body: Any) -> StreamChatRequest:
    try:
        return StreamChatRequest.model_validate(body, from_attributes=True)
    except ValidationError as error:
        raise invalid([{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]) from None


def _checked(key: str) -> str:
    if len(key) > _LONGEST_KEY:
        text = f"String should have at most {_LONGEST_KEY} characters"
        raise invalid([{"loc": ("header", "idempotency-key"), "type": "string_too_long", "msg": text, "input": key}])
    return key
