"""``POST /v1/messages`` and ``/v1/messages/count_tokens`` as bare ASGI applications."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from penstock.llm.v1 import llm_pb2 as pb
from starlette.types import Receive, Scope, Send

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.dialects.anthropic.answer import message_from_proto
from gateway.dialects.anthropic.renderer import PING, MessageRenderer
from gateway.dialects.anthropic.request import message_request_from_json
from gateway.http.body import parse_object, read_body
from gateway.http.headers import Header
from gateway.http.json import JsonResponse
from gateway.http.timeouts import StreamTimeouts
from gateway.model_call.call import ModelCalls
from gateway.model_call.deadline import caller_timeout
from gateway.model_call.errors import caller_error
from gateway.model_call.request import ModelRequest
from penstock_kit.aside import run_aside
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub
    from starlette.types import Message

MESSAGES_PATH: Final = "/v1/messages"
COUNT_PATH: Final = "/v1/messages/count_tokens"


class Messages:
    """Anthropic's messages, streamed and not."""

    def __init__(self, *, calls: ModelCalls, guard: Guard) -> None:
        self._calls = calls
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._guard.admit(scope["headers"], MODELS)
        betas = _betas(scope["headers"])
        body = await read_body(receive)
        request = await run_aside(len(body), lambda: message_request_from_json(parse_object(body), betas=betas))
        model_request = ModelRequest(
            completion=request.completion,
            stream=request.stream,
            whole=message_from_proto,
            renderer=MessageRenderer,
            heartbeat=PING,
            dropped=request.dropped,
        )
        await self._calls.serve(model_request, scope, receive, _with_request_id(send))


class TokenCounts:
    """How many tokens a request to ``/v1/messages`` would have."""

    def __init__(self, *, llm: "LlmServiceAsyncStub", guard: Guard, timeouts: StreamTimeouts) -> None:
        self._llm = llm
        self._guard = guard
        self._seconds = timeouts.completion

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._guard.admit(scope["headers"], MODELS)
        betas = _betas(scope["headers"])
        asked = await read_body(receive)
        request = await run_aside(
            len(asked), lambda: message_request_from_json(parse_object(asked), counting=True, betas=betas)
        )
        timeout = caller_timeout(scope["headers"]) or self._seconds
        try:
            counted = await self._llm.CountTokens(pb.CountTokensRequest(completion=request.completion), timeout=timeout)
        except PenstockError as error:
            raise caller_error(error) from None
        body = {"input_tokens": counted.input_tokens, "x_penstock": {"estimated": counted.estimated}}
        await JsonResponse(body)(scope, receive, _with_request_id(send))


def _betas(headers: Iterable[Header]) -> list[str]:
    """Return what the caller's ``anthropic-beta`` headers ask for, each once."""
    given = (value.decode("latin-1").split(",") for name, value in headers if name == b"anthropic-beta")
    return list(dict.fromkeys(beta.strip() for betas in given for beta in betas if beta.strip()))


def _with_request_id(send: Send) -> Send:
    """Return a send that names the request as Anthropic's clients look it up."""

    async def named(message: "Message") -> None:
        if message["type"] == "http.response.start":
            request_id = current_context().request_id.encode()
            message["headers"] = [*message["headers"], (b"request-id", request_id)]
        await send(message)

    return named
