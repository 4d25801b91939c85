"""An answer while it is made: typed events over broken connections and dead gateways."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from types import TracebackType
from typing import Final, cast

import httpx2

from penstock_client._async.transport import AsyncTransport
from penstock_client._call import Call, is_worth_another_try
from penstock_client._endpoints import backoff
from penstock_client._resume import ReadPosition
from penstock_client.errors import (
    AnswerClosedError,
    AnswerFailedError,
    ApiError,
    ConnectionFailedError,
    StreamBrokenError,
)
from penstock_client.events import CompleteState, ErrorEvent, Event, MessageChunk

_EVENT_BYTES: Final = 64 * 1024 * 1024
_NO_CONTENT: Final = 204


class AsyncAnswer:
    """The events of one answer, to be read once.

    A connection that breaks is taken up again after the last event, at any of the gateways, for `patience` seconds
    without progress: no event comes twice and none is missing. Leaving the loop or the ``with`` block early frees the
    connection; the answer goes on without its reader unless it was asked with ``on_disconnect="cancel"``.
    """

    def __init__(
        self, transport: AsyncTransport, call: Call, *, position: ReadPosition | None = None, patience: float = 60.0
    ) -> None:
        self._transport = transport
        self._call = call
        self._position = position or ReadPosition()
        self._patience = patience
        self._events = self._read()

    @property
    def stream_id(self) -> str:
        """The stream's id, empty before its first event."""
        return self._position.stream_id

    @property
    def last_sequence(self) -> int:
        """The sequence of the last event that was delivered."""
        return self._position.sequence

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __aenter__(self) -> "AsyncAnswer":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop reading and give the connection back."""
        await self._events.aclose()

    async def text(self) -> AsyncGenerator[str]:
        """Yield the pieces of the answer's text. Raises AnswerFailedError when it ends in an error.

        Raises AnswerClosedError when the answer has been read to its end: its pieces come once.
        """
        if self._position.is_ended:
            raise self._closed()
        async with aclosing(self._events):
            async for event in self._events:
                if isinstance(event, MessageChunk):
                    yield event.content
                _raise_failed(event)

    async def result(self) -> CompleteState:
        """Read to the end and return the final state, again when it is asked for again.

        Raises AnswerFailedError when the answer ended in an error, AnswerClosedError when it was left before its end.
        """
        async with aclosing(self._events):
            async for event in self._events:
                _raise_failed(event)
        if self._position.end is None:
            raise self._closed()
        _raise_failed(self._position.end)
        return cast("CompleteState", self._position.end)

    async def stop(self) -> None:
        """End the answer on the server; its last event, ``complete_state`` with status ``stopped``, still comes."""
        if self.stream_id:
            await self._transport.call(Call(method="POST", path=f"/api/v1/streams/{self.stream_id}/stop"))

    async def _read(self) -> AsyncGenerator[Event]:
        call, attempt, progress = self._call, 0, time.monotonic()
        while not self._position.is_ended:
            error: Exception | None = None
            before = self._position.sequence
            try:
                async with aclosing(self._read_once(call)) as events:
                    async for event in events:
                        progress = time.monotonic()
                        yield event
            except (httpx2.TransportError, ConnectionFailedError, ApiError) as failure:
                error = failure
            if self._position.is_ended:
                return
            attempt = 1 if self._position.sequence > before else attempt + 1
            if isinstance(error, ApiError) and not (self.stream_id and error.retryable):
                raise error
            if time.monotonic() - progress > self._patience or not self._can_go_on(call, error):
                raise self._broken(str(error or "it ended without a terminal event")) from error
            if self.stream_id:
                call = self._resuming()
            await asyncio.sleep(backoff(attempt, retry_after=None, longest=5.0))

    async def _read_once(self, call: Call) -> AsyncGenerator[Event]:
        async with self._transport.open(call) as response:
            if response.status_code == _NO_CONTENT:  # nothing after our place, and never will be
                self._position.is_ended = True
                return
            async for received in httpx2.EventSource(response, max_event_size=_EVENT_BYTES):
                event = self._position.take(received.data) if received.data else None
                if event is not None:
                    yield event
                if self._position.is_ended:
                    return

    def _can_go_on(self, call: Call, error: Exception | None) -> bool:
        """Whether asking again is safe: of a stream that is known, or of a question that can't be asked twice."""
        if self.stream_id:
            return True
        return call.repeatable and (error is None or is_worth_another_try(error, call))

    def _resuming(self) -> Call:
        path = f"/api/v1/streams/{self.stream_id}/events"
        return Call(method="GET", path=path, headers=self._position.headers())

    def _closed(self) -> AnswerClosedError:
        place = f"the stream {self.stream_id or '(not begun)'}, event {self.last_sequence}"
        if self._position.is_ended:
            message = f"the answer has been read to its end ({place}); result() returns the whole of it"
        else:
            message = (
                f"the answer was left before its end ({place}); "
                f"conversations.resume(stream_id, after={self.last_sequence}) reads on"
            )
        return AnswerClosedError(message, stream_id=self.stream_id, last_sequence=self.last_sequence)

    def _broken(self, why: str) -> StreamBrokenError:
        message = f"the stream {self.stream_id or '(not begun)'} broke after event {self.last_sequence}: {why}"
        return StreamBrokenError(message, stream_id=self.stream_id, last_sequence=self.last_sequence)


def _raise_failed(event: Event) -> None:
    if isinstance(event, ErrorEvent):
        raise AnswerFailedError(event.raw)
