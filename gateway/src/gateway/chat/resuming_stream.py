"""Follows one chat stream to its end, over broken connections to the service."""

from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.chat.v1 import chat_pb2 as pb

from gateway.chat.reconnect import ReconnectPolicy
from gateway.convert.event import is_terminal
from penstock_kit.errors import BadUpstream, ErrorKind, NotFound, PenstockError, Unavailable, http_status
from penstock_kit.grpc.call import EOF

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import StreamServiceAsyncStub


# Takes events without waiting and returns True; False, and nothing happened, when they have to be yielded.
Take = Callable[[Sequence[pb.ChatEvent]], bool]


class ResumingStream:
    """Yields the events of one stream, as `start` (StreamChat with a request id, or ReadStream) brings them.

    When the connection breaks, or the replica sends its readers away, the stream is taken up again where it was, on
    whatever replica answers, for `window` seconds from the break on. A stream that no replica has any more is
    STREAM_INTERRUPTED. One that breaks before its first event is started once more.
    """

    def __init__(
        self, start: Callable[[], Any], *, streams: "StreamServiceAsyncStub", window: float, debug: bool
    ) -> None:
        # Until the first event: what comes after it is read on, and the question is not kept in memory for it.
        self._start: Callable[[], Any] | None = start
        self._streams = streams
        self._window = window
        self._debug = debug
        self.last = pb.ChatEvent()
        # Given events that come while nothing else is to be done; what it does not take is yielded.
        self.take: Take | None = None
        self._ended = False

    async def batches(self) -> AsyncGenerator[Sequence[pb.ChatEvent]]:
        """Yield events in order to the terminal one; raise the PenstockError that can't be mended.

        Ends without a terminal event only when there was none at all: nothing to resume.
        """
        reconnects, repeated = ReconnectPolicy(self._window), False
        while True:
            broken: PenstockError | None = None
            try:
                async with (self._start or self._resume)() as call:
                    if self.take is not None:
                        call.offer_to(partial(self._offer, reconnects))
                    while not self._ended:
                        response = await call.read()
                        if response is EOF:
                            break
                        if response.events:
                            self._note(response.events)
                            self._ended = is_terminal(self.last)
                            reconnects.record_progress()
                            yield response.events
            except PenstockError as error:
                if not self.last.stream_id and (repeated or error.kind is not ErrorKind.UNAVAILABLE):
                    raise
                broken = _lost() if isinstance(error, NotFound) else error
            if self._ended or (broken is None and not self.last.stream_id):
                return
            repeated = True
            await reconnects.pause(
                broken or Unavailable("the stream broke off before its end", reason="STREAM_INTERRUPTED")
            )

    def _offer(self, reconnects: ReconnectPolicy, response: Any) -> bool:
        """Offer what came to whoever takes it at once: events in the middle of the stream."""
        events = response.events
        if self.take is None or not events or is_terminal(events[-1]) or not self.take(events):
            return False
        self._note(events)
        reconnects.record_progress()
        return True

    def _note(self, events: Sequence[pb.ChatEvent]) -> None:
        self.last = events[-1]
        self._start = None

    def failure(self, error: PenstockError) -> pb.ChatEvent:
        """Return the terminal event of a stream that is lost; the service could not write it."""
        now = Timestamp()
        now.GetCurrentTime()
        return pb.ChatEvent(
            stream_id=self.last.stream_id,
            sequence=self.last.sequence + 1,
            create_time=now,
            conversation_id=self.last.conversation_id,
            error=pb.ErrorEvent(
                code=http_status(error.kind), reason=error.reason, message=error.message, retryable=error.retryable
            ),
        )

    def _resume(self) -> Any:
        request = pb.ReadStreamRequest(
            stream_id=self.last.stream_id, after_sequence=self.last.sequence, debug=self._debug
        )
        return self._streams.ReadStream(request)


def _lost() -> PenstockError:
    """What a stream is that was read and is not there any more: its log was the memory of a replica that is gone."""
    text = "the answer was lost with the replica that wrote it; ask again"
    return BadUpstream(text, reason="STREAM_INTERRUPTED")
