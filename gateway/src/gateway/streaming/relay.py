"""Relays the events of a chat stream to an HTTP client as Server-Sent Events."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import EOF  # pyright: ignore
from penstock.chat.v1 import chat_pb2 as pb
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.convert.event import frame_from_event, is_terminal
from gateway.streaming.departure import Departure
from gateway.streaming.event_stream import EventStream, Header
from gateway.streaming.times import StreamTimes
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import BadUpstream, ErrorKind, PenstockError, http_status

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import StreamServiceAsyncStub

_RETRY_MS: Final = 3000
_BROKEN: Final = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.CANCELLED, ErrorKind.INTERNAL})
_PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayer:
    """What every relay needs: the service that has the streams, and how long to wait for what."""

    streams: "StreamServiceAsyncStub"
    times: StreamTimes

    def relay(self, start: Callable[[], Any], *, debug: bool = False) -> "EventRelay":
        """Return the answer that streams what `start` (StreamChat or ReadStream) brings."""
        return EventRelay(self, start, debug=debug)


class EventRelay(Response):
    """An answer that streams events until the terminal one.

    The call is made when the answer is sent, with the identity of the request, and cancelled when the client
    leaves. When the connection to the service breaks, the stream is taken up again where it was, on whatever
    replica answers; what can't be taken up ends in an ``error`` event. A call that ends without any event is
    answered 204: there is nothing to resume.
    """

    def __init__(self, relayer: Relayer, start: Callable[[], Any], *, debug: bool) -> None:
        super().__init__()
        self._relayer = relayer
        self._start = start
        self._debug = debug
        self._last = pb.ChatEvent()
        self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay the stream; raises the PenstockError of a call that failed before its first event."""
        times = self._relayer.times
        set_context(replace(current_context(), deadline=time.monotonic() + times.stream))
        stream = EventStream(send, hold=times.hold, heartbeat=times.heartbeat, headers=self._headers)
        async with Departure(receive), stream:
            try:
                await self._follow(stream)
            except PenstockError as error:
                if not stream.started:
                    raise
                await stream.close(frame_from_event(self._failure(error)))
                return
            if stream.started:
                await stream.close()
        if not stream.started:
            await Response(status_code=204)(scope, receive, send)

    async def _follow(self, stream: EventStream) -> None:
        """Relay to the terminal event, over broken connections; raises what can't be mended."""
        broken = await self._pump(self._start, stream)
        since = time.monotonic()
        while broken is not None and not self._ended:
            if not self._last.stream_id or time.monotonic() - since > self._relayer.times.resume:
                raise broken
            await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects
            sequence = self._last.sequence
            broken = await self._pump(self._resume, stream)
            if self._last.sequence > sequence:
                since = time.monotonic()

    async def _pump(self, start: Callable[[], Any], stream: EventStream) -> PenstockError | None:
        """Relay one call; return the error that broke the connection, None at a proper end."""
        try:
            async with start() as call:
                while not self._ended:
                    response = await call.read()
                    if response is EOF:
                        return _cut() if self._last.stream_id else None
                    await stream.write(b"".join([self._frame(event) for event in response.events]))
        except PenstockError as error:
            if error.kind not in _BROKEN or not self._last.stream_id:
                raise
            return error
        return None

    def _resume(self) -> Any:
        request = pb.ReadStreamRequest(
            stream_id=self._last.stream_id, after_sequence=self._last.sequence, debug=self._debug
        )
        return self._relayer.streams.ReadStream(request)

    def _frame(self, event: pb.ChatEvent) -> bytes:
        retry = None if self._last.stream_id else _RETRY_MS
        self._last = event
        self._ended = is_terminal(event)
        return frame_from_event(event, retry=retry)

    def _headers(self) -> Sequence[Header]:
        return ((b"x-stream-id", self._last.stream_id.encode()),) if self._last.stream_id else ()

    def _failure(self, error: PenstockError) -> pb.ChatEvent:
        """Return the terminal event of a stream that is lost; the service could not write it."""
        now = Timestamp()
        now.GetCurrentTime()
        return pb.ChatEvent(
            stream_id=self._last.stream_id,
            sequence=self._last.sequence + 1,
            create_time=now,
            conversation_id=self._last.conversation_id,
            error=pb.ErrorEvent(
                code=http_status(error.kind), reason=error.reason, message=error.message, retryable=error.retryable
            ),
        )


def _cut() -> PenstockError:
    return BadUpstream("the stream broke off before its end", reason="STREAM_CUT")
