"""Frames are written at once only where that keeps them in their place."""

import asyncio
import time
from itertools import pairwise
from typing import Any

from gateway.http.heartbeats import Heartbeats
from gateway.sse import EventStream
from penstock_testkit.waiting import HANG_SECONDS


class Connection:
    """An ASGI send and what writes past it; `sent` is all in its order. Bodies wait until it is `ready`."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.waiting = asyncio.Event()
        self.full = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.sent.append(b"head")
            return
        if not self.ready.is_set():
            self.waiting.set()
            await self.ready.wait()
        self.sent.append(message["body"])

    def write_now(self, body: bytes) -> bool:
        if self.full:
            return False
        if body:
            self.sent.append(body)
        return True

    def stream(self, *, heartbeat: float = 600) -> EventStream:
        return EventStream(
            self.send, heartbeats=Heartbeats(), hold=600, heartbeat=heartbeat, beat=b":\n", write_now=self.write_now
        )


async def test_the_first_frames_are_sent_with_the_head_and_the_others_written_at_once() -> None:
    connection = Connection()
    async with connection.stream() as stream:
        assert not stream.write_now(b"early")
        await stream.write(b"one")
        assert stream.write_now(b"")
        assert stream.write_now(b"two")
        await stream.write(b"three")
        await stream.close(b"four")
        assert not stream.write_now(b"late")
    assert connection.sent == [b"head", b"one", b"two", b"three", b"four"]


async def test_nothing_is_written_before_what_waits_for_a_slow_reader() -> None:
    connection = Connection()
    async with asyncio.timeout(HANG_SECONDS), connection.stream(heartbeat=0.01) as stream:
        await stream.write(b"one")
        connection.ready.clear()
        connection.full = True
        await connection.waiting.wait()  # a heartbeat is on its way
        connection.full = False
        assert not stream.write_now(b"")
        writing = asyncio.create_task(stream.write(b"two"))
        await asyncio.sleep(0)
        connection.ready.set()
        await writing
    assert [frame for frame in connection.sent if frame != b":\n"] == [b"head", b"one", b"two"]
    assert connection.sent[2] == b":\n"


async def test_a_stream_that_writes_is_not_silent() -> None:
    connection = Connection()
    stream = connection.stream(heartbeat=0.1)
    async with asyncio.timeout(HANG_SECONDS), stream:
        await stream.write(b"one")
        written = [time.monotonic()]
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert stream.write_now(b"more")
            written.append(time.monotonic())
    # A machine that has other work may make it silent for as long as a heartbeat.
    longest = max(after - before for before, after in pairwise(written))
    assert longest >= 0.1 or b":\n" not in connection.sent
