"""``POST /api/v1/conversations/{conversation_id}/stream`` as a bare ASGI application: the other hot path."""

from typing import Any, Final
from urllib.parse import parse_qsl

from penstock.chat.v1 import chat_pb2 as pb
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from gateway.auth.guard import Guard
from gateway.auth.scope import CHAT
from gateway.chat.request import ResponseCache, StreamChatRequest
from gateway.chat.sse_response import SseResponse, SseResponseFactory
from gateway.convert.protobuf import build_message
from gateway.http.body import parse_storable, read_body
from gateway.http.headers import idempotency_key
from gateway.http.validation import unknown_parameters_error, validation_error
from gateway.model_call.cache_header import cache_wish
from penstock_kit.aside import run_aside
from penstock_kit.ids import new_id

PATH: Final = "/api/v1/conversations/{conversation_id}/stream"


class StreamChatEndpoint:
    """Starts a turn and streams its events. FastAPI describes the route, and calls :func:`start_turn` too."""

    def __init__(self, *, responses: SseResponseFactory, guard: Guard) -> None:
        self._responses = responses
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what it raises before the response began, the middleware answers."""
        await self._guard.admit(scope["headers"], CHAT)
        if scope["query_string"]:
            _refuse_parameters(scope["query_string"])
        body = await read_body(receive)
        turn = await run_aside(len(body), lambda: _validated(parse_storable(body)))
        if (wish := cache_wish(scope["headers"])) is not None:
            turn.cache = ResponseCache(
                **{word: word in wish.words for word in ("bypass", "exact", "semantic")}, threshold=wish.threshold
            )
        key = idempotency_key(scope["headers"])
        response = start_turn(self._responses, scope["path_params"]["conversation_id"], turn, key, debug=False)
        del turn  # the answer may be long, and the question large
        await response(scope, receive, send)


def start_turn(
    responses: SseResponseFactory, conversation_id: str, turn: StreamChatRequest, idempotency_key: str, *, debug: bool
) -> SseResponse:
    """Return the response that streams the turn's events; the turn starts when the response is sent."""
    request = build_message(
        pb.StreamChatRequest,
        conversation_id=conversation_id,
        debug=debug,
        request_id=idempotency_key or new_id("ask"),
        **turn.model_dump(),
    )
    return responses.create(lambda: responses.streams.StreamChat(request), debug=debug)


def _refuse_parameters(query: bytes) -> None:
    unknown = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    if unknown:
        raise unknown_parameters_error(unknown, ())


def _validated(body: Any) -> StreamChatRequest:
    try:
        return StreamChatRequest.model_validate(body, from_attributes=True)
    except ValidationError as error:
        raise validation_error([{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]) from None
