"""The one timer behind all heartbeats."""

import asyncio
from typing import Any

from gateway.http.heartbeats import Heartbeats
from gateway.sse import EventStream
from penstock_testkit.waiting import HANG_SECONDS


class Sent:
    """An ASGI send that remembers the bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.beaten = asyncio.Event()

    async def __call__(self, message: Any) -> None:
        if body := message.get("body"):
            self.bodies.append(body)
            self.beaten.set()


async def test_streams_share_one_timer_and_each_beats_in_its_own_silence() -> None:
    heartbeats = Heartbeats()
    looks: list[float] = []
    heartbeats.join(looks.append)
    silent, talking = Sent(), Sent()
    async with (
        EventStream(silent, heartbeats=heartbeats, hold=0.1, heartbeat=0.1, beat=b":\n"),
        EventStream(talking, heartbeats=heartbeats, hold=5, heartbeat=5, beat=b":\n") as stream,
    ):
        await stream.write(b"data: 1\n\n")
        async with asyncio.timeout(HANG_SECONDS):
            while len(silent.bodies) < 3:
                silent.beaten.clear()
                await silent.beaten.wait()
    assert silent.bodies == [b":\n"] * 3
    assert talking.bodies == [b"data: 1\n\n"]
    assert len(looks) >= 6, "who has joined is asked at every tick"
    heartbeats.leave(looks.append)


async def test_before_anything_was_sent_a_stream_beats_after_its_hold_and_then_after_its_heartbeat() -> None:
    heartbeats, silent = Heartbeats(), Sent()
    ticks, enough = 0, asyncio.Event()

    def tick(_now: float) -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 20:
            enough.set()

    async with EventStream(silent, heartbeats=heartbeats, hold=0.05, heartbeat=600, beat=b":\n"):
        async with asyncio.timeout(HANG_SECONDS):
            await silent.beaten.wait()
            heartbeats.join(tick)
            await enough.wait()
    heartbeats.leave(tick)
    assert silent.bodies == [b":\n"], "the next would come after ten minutes"


async def test_a_slow_reader_is_not_sent_a_second_beat_before_it_took_the_first() -> None:
    heartbeats = Heartbeats()
    begun, taken = asyncio.Event(), asyncio.Event()
    beats = 0

    async def slow(message: Any) -> None:
        nonlocal beats
        if message.get("body"):
            beats += 1
            begun.set()
            await taken.wait()

    async with EventStream(slow, heartbeats=heartbeats, hold=0.01, heartbeat=0.01, beat=b":\n"):
        async with asyncio.timeout(HANG_SECONDS):
            await begun.wait()
        ticks = 0
        third = asyncio.Event()

        def count(_: float) -> None:
            nonlocal ticks
            ticks += 1
            if ticks == 3:
                third.set()

        heartbeats.join(count)
        async with asyncio.timeout(HANG_SECONDS):
            await third.wait()
        assert beats == 1
        taken.set()


async def test_what_says_until_when_it_needs_no_look_is_left_alone_until_then() -> None:
    heartbeats, enough = Heartbeats(), asyncio.Event()
    busy: list[float] = []
    resting: list[float] = []

    def rest(now: float) -> float:
        resting.append(now)
        return now + 600

    def look(now: float) -> None:
        busy.append(now)
        if len(busy) == 5:
            enough.set()

    heartbeats.join(rest)
    heartbeats.join(look)
    async with asyncio.timeout(HANG_SECONDS):
        await enough.wait()
    heartbeats.leave(rest)
    heartbeats.leave(look)
    assert len(resting) == 1
