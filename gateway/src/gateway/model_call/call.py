"""Calls llm-service and sends its completion, whole or streamed, until the caller disconnects or its timeout ends."""

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from penstock.llm.v1 import llm_pb2 as pb
from starlette.types import Receive, Scope, Send

from gateway.http.disconnect import ActiveResponses, DisconnectGuard
from gateway.http.headers import idempotency_key
from gateway.http.heartbeats import Heartbeats
from gateway.http.json import encode
from gateway.http.timeouts import StreamTimeouts
from gateway.http.write_now import WRITE_NOW, WriteNow
from gateway.model_call.cache_header import apply_wish
from gateway.model_call.deadline import caller_timeout
from gateway.model_call.errors import caller_error, stream_cut_error
from gateway.model_call.headers import headers_from_started
from gateway.model_call.request import ModelRequest, Renderer
from gateway.sse import EventStream
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import DeadlineExceeded, PenstockError
from penstock_kit.grpc.call import EOF

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

# Share of the caller's read timeout: by then a waiting stream must have sent its first byte.
_FIRST_BYTE_SHARE: Final = 0.8


class ModelCalls:
    """Serves the model requests of every dialect."""

    def __init__(
        self, *, llm: "LlmServiceAsyncStub", timeouts: StreamTimeouts, active: ActiveResponses, heartbeats: Heartbeats
    ) -> None:
        self._llm = llm
        self._heartbeats = heartbeats
        self._timeouts = timeouts
        self._active = active

    async def serve(self, request: ModelRequest, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `request`. Raises PenstockError as long as nothing was sent; then failures are frames."""
        headers = scope["headers"]
        request.completion.idempotency_key = idempotency_key(headers)
        apply_wish(request.completion.cache, headers)
        caller_wait = caller_timeout(headers)
        if request.stream:
            await self._stream(request, caller_wait, receive, send, scope.get(WRITE_NOW))
        else:
            await self._answer(request, caller_wait, receive, send)

    async def _answer(self, request: ModelRequest, caller_wait: float | None, receive: Receive, send: Send) -> None:
        timeout = _limit_context(caller_wait or self._timeouts.completion)
        call = pb.CompleteRequest(completion=request.completion)
        try:
            async with DisconnectGuard(receive, self._active):
                response = await self._llm.Complete(call, timeout=timeout)
        except PenstockError as error:
            raise caller_error(error) from None
        answer = response.completion
        body = encode(request.whole(answer))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers_from_started(answer.started, request.dropped),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _stream(
        self,
        request: ModelRequest,
        caller_wait: float | None,
        receive: Receive,
        send: Send,
        write_now: WriteNow | None,
    ) -> None:
        _limit_context(self._timeouts.stream)
        renderer = request.renderer()
        hold = self._timeouts.hold if caller_wait is None else min(self._timeouts.hold, caller_wait * _FIRST_BYTE_SHARE)
        stream = EventStream(
            send,
            heartbeats=self._heartbeats,
            hold=hold,
            heartbeat=self._timeouts.heartbeat,
            beat=request.heartbeat,
            headers=lambda: headers_from_started(renderer.started, request.dropped),
            write_now=write_now,
        )
        call: Any = self._llm.StreamComplete(pb.StreamCompleteRequest(completion=request.completion))
        async with stream:
            try:
                async with DisconnectGuard(receive, self._active), call:
                    await _pump(call, renderer, stream, caller_wait)
            except PenstockError as error:
                failure = caller_error(error)
                if not stream.started:
                    raise failure from None
                await stream.close(renderer.failure(failure))


async def _pump(call: Any, renderer: Renderer, stream: EventStream, caller_wait: float | None) -> None:
    """Send what the call brings until it ends; its first content must come within `caller_wait` seconds."""
    frames = b""
    try:
        async with asyncio.timeout(caller_wait):
            while not frames:
                response = await call.read()
                if response is EOF:
                    raise stream_cut_error()
                frames = renderer.render(response.events)
    except TimeoutError:
        message = f"no content came within the {caller_wait:g} s that the caller waits"
        raise DeadlineExceeded(message, reason="FIRST_CONTENT_TIMEOUT") from None
    call.offer_to(partial(_is_written, renderer, stream))
    while not renderer.finished:
        await stream.write(frames)
        response = await call.read()
        if response is EOF:
            raise stream_cut_error()
        frames = renderer.render(response.events)
    await stream.close(frames)


def _is_written(renderer: Renderer, stream: EventStream, response: pb.StreamCompleteResponse) -> bool:
    """Render and write a piece of text at once, where that needs no waiting; return whether it was."""
    events = response.events
    if len(events) != 1 or not events[0].HasField("text") or not stream.write_now(b""):
        return False
    frames = renderer.render(events)
    return not frames or stream.write_now(frames)


def _limit_context(seconds: float) -> float:
    """Give the calls made from here on until now plus `seconds`; return `seconds`."""
    set_context(current_context().until(time.monotonic() + seconds))
    return seconds
