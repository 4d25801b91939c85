"""``POST /v1/chat/completions`` as a bare ASGI application: the hot path, straight to llm-service."""

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from grpc.aio import EOF  # pyright: ignore
from penstock.llm.v1 import llm_pb2 as pb
from starlette.types import Receive, Scope, Send

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.body import parse_object, read_body
from gateway.json import encode
from gateway.openai.answer import chat_completion_from_proto, headers_from_started
from gateway.openai.chunk import ChunkRenderer
from gateway.openai.deadline import caller_timeout
from gateway.openai.failure import blamed_on_us, cut_short
from gateway.openai.request import ChatRequest, chat_request_from_json
from gateway.problems import openai_error
from gateway.streaming.departure import Departure, Running
from gateway.streaming.event_stream import EventStream
from gateway.streaming.frame import data_frame
from gateway.streaming.times import StreamTimes
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import DeadlineExceeded, PenstockError

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

PATH: Final = "/v1/chat/completions"
# Of the caller's read timeout: by then a waiting stream must have sent its first byte.
_PATIENCE: Final = 0.8


class ChatCompletions:
    """The chat completions of OpenAI, streamed and not."""

    def __init__(self, *, llm: "LlmServiceAsyncStub", guard: Guard, times: StreamTimes, running: Running) -> None:
        self._llm = llm
        self._guard = guard
        self._times = times
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what it raises before the answer began, the frame around it turns into an answer."""
        headers = scope["headers"]
        await self._guard.admit(headers, MODELS)
        request = chat_request_from_json(parse_object(await read_body(receive)))
        request.completion.idempotency_key = _idempotency_key(headers)
        patience = caller_timeout(headers)
        if request.stream:
            await self._stream(request, patience, receive, send)
        else:
            await self._answer(request.completion, patience, receive, send)

    async def _answer(self, completion: pb.Completion, patience: float | None, receive: Receive, send: Send) -> None:
        timeout = _limit_context(patience or self._times.completion)
        try:
            async with Departure(receive, self._running):
                response = await self._llm.Complete(pb.CompleteRequest(completion=completion), timeout=timeout)
        except PenstockError as error:
            raise blamed_on_us(error) from None
        answer = response.answer
        body = encode(chat_completion_from_proto(answer))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers_from_started(answer.started),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, request: ChatRequest, patience: float | None, receive: Receive, send: Send) -> None:
        _limit_context(self._times.stream)
        renderer = ChunkRenderer(include_usage=request.include_usage)
        hold = self._times.hold if patience is None else min(self._times.hold, patience * _PATIENCE)
        stream = EventStream(
            send, hold=hold, heartbeat=self._times.heartbeat, headers=lambda: headers_from_started(renderer.started)
        )
        call: Any = self._llm.StreamComplete(pb.StreamCompleteRequest(completion=request.completion))
        async with stream:
            try:
                async with Departure(receive, self._running), call:
                    await _pump(call, renderer, stream, patience)
            except PenstockError as error:
                failure = blamed_on_us(error)
                if not stream.started:
                    raise failure from None
                await stream.close(data_frame(encode(openai_error(failure))))


async def _pump(call: Any, renderer: ChunkRenderer, stream: EventStream, patience: float | None) -> None:
    """Send what the call brings until it ends; its first content must come within `patience` seconds."""
    frames = b""
    try:
        async with asyncio.timeout(patience):
            while not frames:
                response = await call.read()
                if response is EOF:
                    raise cut_short()
                frames = renderer.render(response.events)
    except TimeoutError:
        message = f"no content came within the {patience:g} s that the caller waits"
        raise DeadlineExceeded(message, reason="FIRST_CONTENT_TIMEOUT") from None
    while not renderer.finished:
        await stream.write(frames)
        response = await call.read()
        if response is EOF:
            raise cut_short()
        frames = renderer.render(response.events)
    await stream.close(frames)


def _limit_context(seconds: float) -> float:
    """Give the calls made from here on until now plus `seconds`; return `seconds`."""
    set_context(replace(current_context(), deadline=time.monotonic() + seconds))
    return seconds


def _idempotency_key(headers: Any) -> str:
    for name, value in headers:
        if name == b"idempotency-key":
            return value.decode("latin-1")
    return ""
