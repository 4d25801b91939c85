"""``POST /v1/chat/completions`` as a bare ASGI application: the hot path, straight to llm-service."""

from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.dialects.openai.answer import chat_completion_from_proto
from gateway.dialects.openai.chunk import ChunkRenderer
from gateway.dialects.openai.request import chat_request_from_json
from gateway.http.body import parse_object, read_body
from gateway.model_call.call import ModelCalls
from gateway.model_call.request import ModelRequest
from penstock_kit.aside import run_aside

PATH: Final = "/v1/chat/completions"


class ChatCompletions:
    """The chat completions of OpenAI, streamed and not."""

    def __init__(self, *, calls: ModelCalls, guard: Guard) -> None:
        self._calls = calls
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what it raises before the answer began, the frame around it turns into an answer."""
        await self._guard.admit(scope["headers"], MODELS)
        body = await read_body(receive)
        request = await run_aside(len(body), lambda: chat_request_from_json(parse_object(body)))
        model_request = ModelRequest(
            completion=request.completion,
            stream=request.stream,
            whole=partial(chat_completion_from_proto, older_calls=request.older_calls),
            renderer=lambda: ChunkRenderer(include_usage=request.include_usage, older_calls=request.older_calls),
            dropped=request.dropped,
        )
        await self._calls.serve(model_request, scope, receive, send)
