"""Asks llm-service and sends the answer: whole or streamed, until the caller leaves or its patience ends."""

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from penstock.llm.v1 import llm_pb2 as pb
from starlette.types import Receive, Scope, Send

from gateway.http.disconnect import Departure, Running
from gateway.http.headers import idempotency_key
from gateway.http.heartbeats import Heartbeats
from gateway.http.json import encode
from gateway.http.timeouts import StreamTimes
from gateway.model_call.deadline import caller_timeout
from gateway.model_call.errors import blamed_on_us, cut_short
from gateway.model_call.headers import headers_from_started
from gateway.model_call.request import Question, Renderer
from gateway.sse import EventStream
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import DeadlineExceeded, PenstockError
from penstock_kit.grpc.call import EOF

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

# Of the caller's read timeout: by then a waiting stream must have sent its first byte.
_PATIENCE: Final = 0.8


class ModelCalls:
    """Serves the questions of every dialect."""

    def __init__(
        self, *, llm: "LlmServiceAsyncStub", times: StreamTimes, running: Running, heartbeats: Heartbeats
    ) -> None:
        self._llm = llm
        self._heartbeats = heartbeats
        self._times = times
        self._running = running

    async def serve(self, question: Question, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `question`. Raises PenstockError as long as nothing was sent; then failures are frames."""
        headers = scope["headers"]
        question.completion.idempotency_key = idempotency_key(headers)
        patience = caller_timeout(headers)
        if question.stream:
            await self._stream(question, patience, receive, send)
        else:
            await self._answer(question, patience, receive, send)

    async def _answer(self, question: Question, patience: float | None, receive: Receive, send: Send) -> None:
        timeout = _limit_context(patience or self._times.completion)
        request = pb.CompleteRequest(completion=question.completion)
        try:
            async with Departure(receive, self._running):
                response = await self._llm.Complete(request, timeout=timeout)
        except PenstockError as error:
            raise blamed_on_us(error) from None
        answer = response.completion
        body = encode(question.whole(answer))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers_from_started(answer.started, question.dropped),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, question: Question, patience: float | None, receive: Receive, send: Send) -> None:
        _limit_context(self._times.stream)
        renderer = question.renderer()
        hold = self._times.hold if patience is None else min(self._times.hold, patience * _PATIENCE)
        stream = EventStream(
            send,
            heartbeats=self._heartbeats,
            hold=hold,
            heartbeat=self._times.heartbeat,
            beat=question.heartbeat,
            headers=lambda: headers_from_started(renderer.started, question.dropped),
        )
        call: Any = self._llm.StreamComplete(pb.StreamCompleteRequest(completion=question.completion))
        async with stream:
            try:
                async with Departure(receive, self._running), call:
                    await _pump(call, renderer, stream, patience)
            except PenstockError as error:
                failure = blamed_on_us(error)
                if not stream.started:
                    raise failure from None
                await stream.close(renderer.failure(failure))


async def _pump(call: Any, renderer: Renderer, stream: EventStream, patience: float | None) -> None:
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
    set_context(current_context().until(time.monotonic() + seconds))
    return seconds
