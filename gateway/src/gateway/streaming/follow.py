"""Follows one chat stream to its end, over broken connections to the service."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.chat.v1 import chat_pb2 as pb

from gateway.convert.event import is_terminal
from penstock_kit.errors import BadUpstream, ErrorKind, PenstockError, http_status
from penstock_kit.grpc.call import EOF

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import StreamServiceAsyncStub

_BROKEN: Final = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.CANCELLED, ErrorKind.INTERNAL})
_PAUSE_SECONDS: Final = 0.25


class Follower:
    """Yields the events of one stream, as `start` (StreamChat or ReadStream) brings them.

    When the connection breaks, the stream is taken up again where it was, on whatever replica answers,
    for `patience` seconds.
    """

    def __init__(
        self, start: Callable[[], Any], *, streams: "StreamServiceAsyncStub", patience: float, debug: bool
    ) -> None:
        self._start = start
        self._streams = streams
        self._patience = patience
        self._debug = debug
        self.last = pb.ChatEvent()
        self._ended = False

    async def batches(self) -> AsyncGenerator[Sequence[pb.ChatEvent]]:
        """Yield events in order to the terminal one; raise the PenstockError that can't be mended.

        Ends without a terminal event only when there was none at all: nothing to resume.
        """
        start, since = self._start, time.monotonic()
        while True:
            broken: PenstockError | None = None
            try:
                async with start() as call:
                    while not self._ended:
                        response = await call.read()
                        if response is EOF:
                            break
                        if response.events:
                            self.last = response.events[-1]
                            self._ended = is_terminal(self.last)
                            yield response.events
                            since = time.monotonic()
            except PenstockError as error:
                if error.kind not in _BROKEN:
                    raise
                broken = error
            if self._ended or (broken is None and not self.last.stream_id):
                return
            if not self.last.stream_id or time.monotonic() - since > self._patience:
                raise broken or BadUpstream("the stream broke off before its end", reason="STREAM_CUT")
            await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects
            start = self._resume

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
