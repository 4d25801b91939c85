"""Relays the events of a chat stream to an HTTP client as Server-Sent Events."""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from penstock.chat.v1 import chat_pb2 as pb
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.chat.frame import FrameRenderer, frame_from_event
from gateway.chat.resuming_stream import ResumingStream
from gateway.http.disconnect import STOPPING, ActiveResponses, DisconnectGuard
from gateway.http.headers import Header
from gateway.http.heartbeats import Heartbeats
from gateway.http.timeouts import StreamTimeouts
from gateway.http.write_now import WRITE_NOW
from gateway.sse import RECONNECT, EventStream
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import StreamServiceAsyncStub

_RETRY_MS: Final = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class SseResponseFactory:
    """Makes the responses of chat streams: it has the service that keeps them, and the time limits."""

    streams: "StreamServiceAsyncStub"
    timeouts: StreamTimeouts
    active: ActiveResponses
    heartbeats: Heartbeats

    def create(self, start: Callable[[], Any], *, debug: bool = False) -> "SseResponse":
        """Return the response that streams what `start` (StreamChat or ReadStream) brings."""
        return SseResponse(self.open(start, debug=debug), self)

    def open(self, start: Callable[[], Any], *, debug: bool = False) -> ResumingStream:
        """Return the stream that `start` brings, which is taken up again when its connection breaks."""
        return ResumingStream(start, streams=self.streams, window=self.timeouts.resume, debug=debug)


class SseResponse(Response):
    """A response that streams events until the terminal one.

    The call is made when the response is sent, with the identity of the request, and cancelled when the client
    leaves. What can't be mended ends in an ``error`` event. A call that ends without any event is answered
    204: there is nothing to resume.
    """

    def __init__(self, chat_stream: ResumingStream, factory: SseResponseFactory) -> None:
        super().__init__()
        self._chat_stream = chat_stream
        self._factory = factory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay the stream; raises the PenstockError of a call that failed before its first event."""
        timeouts = self._factory.timeouts
        set_context(replace(current_context(), deadline=time.monotonic() + timeouts.stream))
        stream = EventStream(
            send,
            heartbeats=self._factory.heartbeats,
            hold=timeouts.hold,
            heartbeat=timeouts.heartbeat,
            headers=self._headers,
            write_now=scope.get(WRITE_NOW),
        )
        async with stream:
            try:
                async with DisconnectGuard(receive, self._factory.active):
                    await self._pump(stream)
            except PenstockError as error:
                if not stream.started:
                    raise
                await stream.close(self._last_words(error))
                return
            if stream.started:
                await stream.close()
        if not stream.started:
            await Response(status_code=204)(scope, receive, send)

    async def _pump(self, stream: EventStream) -> None:
        retry: int | None = _RETRY_MS
        frames = FrameRenderer()

        def take(events: Sequence[pb.ChatEvent]) -> bool:
            """Write what comes while nothing else is to be done, after the frame that says when to come again."""
            return retry is None and stream.write_now(frames.render(events))

        self._chat_stream.take = take
        try:
            async with aclosing(self._chat_stream.batches()) as batches:
                async for events in batches:
                    await stream.write(frames.render(events, retry=retry))
                    retry = None
        finally:
            # It holds this response, which holds the chat stream.
            self._chat_stream.take = None

    def _last_words(self, error: PenstockError) -> bytes:
        """A stream that is lost ends in an error event; one that only this gateway leaves is read on elsewhere."""
        if error.reason == STOPPING:
            return RECONNECT
        return frame_from_event(self._chat_stream.failure(error))

    def _headers(self) -> Sequence[Header]:
        stream_id = self._chat_stream.last.stream_id
        return ((b"x-stream-id", stream_id.encode()),) if stream_id else ()
