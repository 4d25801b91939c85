"""Server-Sent Events: frames in the only forms that every client survives, and the response they are sent in."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from starlette.types import Send

from gateway.http.headers import Header
from gateway.http.heartbeats import Heartbeats
from gateway.http.write_now import WriteNow

# One newline and no blank line: with a blank line openai-python takes a comment for an empty event and dies.
HEARTBEAT: Final = b": ka\n"
# Before a stream of ours is closed without its terminal event: `retry:` and the last id say how to go on.
RECONNECT: Final = b": reconnect\n"
DONE: Final = b"data: [DONE]\n\n"

EVENT_STREAM_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def data_frame(json: bytes) -> bytes:
    """Return an event that is only data. `json` holds no raw newline."""
    return b"data: " + json + b"\n\n"


def event_frame(json: bytes, *, event: str, id: int | None = None, retry: int | None = None) -> bytes:
    """Return a named event; `retry` is in milliseconds and never travels as an event of its own."""
    head = b"" if id is None else b"id: %d\n" % id
    if retry is not None:
        head += b"retry: %d\n" % retry
    return head + b"event: " + event.encode() + b"\ndata: " + json + b"\n\n"


class EventStream:
    """Writes frames to an ASGI connection.

    Nothing is sent before the first frame, so that an early failure can still be answered with its own
    status; after `hold` seconds without one the headers go out all the same, followed by a heartbeat every
    `heartbeat` seconds of silence, sent as `beat`. `headers` is asked for what to add when the headers are sent.
    `heartbeats` is the timer it shares with the others. `write_now` writes what follows the first frames, and returns
    False for what has to be sent all the same.
    Leaving the block without :meth:`close` sends nothing more.
    """

    __slots__ = (
        "_beat",
        "_beating",
        "_closed",
        "_headers",
        "_heartbeat",
        "_heartbeats",
        "_hold",
        "_last",
        "_lock",
        "_loop",
        "_send",
        "_write_now",
        "started",
    )

    def __init__(
        self,
        send: Send,
        *,
        heartbeats: Heartbeats,
        hold: float,
        heartbeat: float,
        beat: bytes = HEARTBEAT,
        headers: Callable[[], Sequence[Header]] = tuple,
        write_now: WriteNow | None = None,
    ) -> None:
        self._send = send
        self._write_now = write_now
        self._beat = beat
        self._headers = headers
        self._heartbeats = heartbeats
        self._hold = hold
        self._heartbeat = heartbeat
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._beating: asyncio.Task[None] | None = None
        self._closed = False
        self.started = False

    async def __aenter__(self) -> Self:
        self._heartbeats.join(self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._heartbeats.leave(self._look)
        if self._beating is not None:
            self._beating.cancel()

    async def write(self, frames: bytes) -> None:
        """Send whole frames, the headers before them when they are the first; waits for a slow reader."""
        if self.write_now(frames):
            return
        async with self._lock:
            if not self._closed:
                await self._send_frames(frames)

    def write_now(self, frames: bytes) -> bool:
        """Write whole frames if nothing is to be waited for, and return whether they were. No frames: could they be?"""
        if self._write_now is None or not self.started or self._closed or self._lock.locked():
            return False
        if not self._write_now(frames):
            return False
        if frames:
            self._last = self._loop.time()
        return True

    async def close(self, frames: bytes = b"") -> None:
        """Send the last frames and end the answer."""
        async with self._lock:
            self._closed = True
            if not self.started:
                await self._send_head()
            await self._send({"type": "http.response.body", "body": frames, "more_body": False})

    async def _send_frames(self, frames: bytes) -> None:
        if not self.started:
            await self._send_head()
        await self._send({"type": "http.response.body", "body": frames, "more_body": True})
        self._last = self._loop.time()

    async def _send_head(self) -> None:
        self.started = True
        headers = [*EVENT_STREAM_HEADERS, *self._headers()]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    def _look(self, now: float) -> float:
        """Beat when the silence has been long enough, unless a beat is on its way to a slow reader."""
        wait = self._heartbeat if self.started else self._hold
        if now - self._last >= wait and (self._beating is None or self._beating.done()):
            self._beating = self._loop.create_task(self.write(self._beat))
        return self._last + min(wait, self._heartbeat)
