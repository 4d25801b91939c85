"""``POST /v1/responses`` as a bare ASGI application."""

from typing import Final

from starlette.types import Receive, Scope, Send

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.body import parse_object, read_body
from gateway.completion.call import ModelCalls
from gateway.completion.question import Question
from gateway.responses.answer import response_from_proto
from gateway.responses.renderer import ResponseRenderer
from gateway.responses.request import response_request_from_json

PATH: Final = "/v1/responses"


class Responses:
    """OpenAI's responses, streamed and not. Nothing is stored: the caller sends the whole conversation."""

    def __init__(self, *, calls: ModelCalls, guard: Guard) -> None:
        self._calls = calls
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._guard.admit(scope["headers"], MODELS)
        request = response_request_from_json(parse_object(await read_body(receive)))
        question = Question(
            completion=request.completion,
            stream=request.stream,
            whole=lambda answer: response_from_proto(answer, request.echo),
            renderer=lambda: ResponseRenderer(request.echo),
        )
        await self._calls.serve(question, scope, receive, send)
