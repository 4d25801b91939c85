"""A stream is stopped while two hundred are under way: nothing is said after its stop, and the others go on."""

import asyncio
import statistics
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from penstock_testkit.fault_rows import Measured
from penstock_testkit.system import start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply, UntilTold
from penstock_testkit.waiting import HANG_SECONDS, assert_within, bound, until
from tests.faults.gateway_process import Gateway, is_last

STREAMS = 200
STOPPED = 20
SECONDS_A_PIECE = 0.1
# What the machine may need beside everything else that runs on it; the figure itself is printed.
BOUND = 2.0


async def test_nothing_is_said_after_a_stop_among_two_hundred_streams(tmp_path: Path, measured: Measured) -> None:
    reply = Reply(chunks=UntilTold(), chunk_delay=SECONDS_A_PIECE)
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(OpenAiServer(default=reply))
        asked_of = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": vendor.base_url, "OPENAI_MODELS": "m"}
        system = start_system(tmp_path / "home", extra_env=asked_of, demo=False)
        stack.callback(system.stop)
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=system.url,
                headers={"authorization": f"Bearer {system.key}"},
                timeout=HANG_SECONDS,
                limits=httpx.Limits(max_connections=None),
            )
        )
        ways = Gateway(process=system.process, url=system.url, key=system.key, client=client)
        streams = await _under_way(ways, stack)
        stops = [await _stop(ways, into) for into in streams[:: STREAMS // STOPPED]]
        others = [into for place, into in enumerate(streams) if place % (STREAMS // STOPPED)]
        before = [len(into) for into in others]
        await until(lambda: all(len(into) > count for into, count in zip(others, before, strict=True)))
    waits = sorted(stop.seconds_to_end for stop in stops)
    late = [stop.pieces_meanwhile for stop in stops]
    measured(
        f"{sum(stop.pieces_after for stop in stops)} pieces after {STOPPED} stops were answered, {sum(late)} before; "
        f"ended after {statistics.median(waits) * 1000:.0f} ms (p50), {waits[-1] * 1000:.0f} ms at most"
    )
    assert [stop.pieces_after for stop in stops] == [0] * STOPPED
    assert not any(is_last(into[-1]) for into in others)
    assert_within(waits[-1], BOUND)
    assert max(late) <= 1 + bound(BOUND) / SECONDS_A_PIECE


async def _under_way(ways: Gateway, stack: AsyncExitStack) -> list[list[Any]]:
    """Begin all streams, and return what each has said so far, which grows."""
    conversations = [(await ways.post("/api/v1/conversations"))["id"] for _ in range(STREAMS)]
    streams: list[list[Any]] = [[] for _ in conversations]
    question = {"content": "Hello?", "model": "openai/m", "use_tools": False, "on_disconnect": "cancel"}
    readers = [
        asyncio.create_task(ways.events("POST", f"/api/v1/conversations/{conversation}/stream", into, **question))
        for conversation, into in zip(conversations, streams, strict=True)
    ]
    stack.push_async_callback(_cancelled, readers)
    await until(lambda: all(len(into) > 3 for into in streams))
    return streams


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Stop:
    """What a stream said after somebody asked to stop it, and after he was told that it has."""

    def __init__(self, events: list[Any], asked: datetime, answered: datetime) -> None:
        times = [datetime.fromisoformat(event["create_time"]) for event in events]
        pieces = [time for event, time in zip(events, times, strict=True) if event["type"] == "message_chunk"]
        self.pieces_after = sum(time > answered for time in pieces)
        self.pieces_meanwhile = sum(asked < time <= answered for time in pieces)
        self.seconds_to_end = (times[-1] - asked).total_seconds()


async def _stop(ways: Gateway, into: list[Any]) -> _Stop:
    """Stop a stream, and read what it left whole: gapless, with one end, which says why."""
    stream_id = into[0]["stream_id"]
    asked = datetime.now(UTC)
    assert (await ways.post(f"/api/v1/streams/{stream_id}/stop"))["stopped"] is True
    answered = datetime.now(UTC)
    events: list[Any] = []
    await ways.events("GET", f"/api/v1/streams/{stream_id}/events", events)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [is_last(event) for event in events] == [False] * (len(events) - 1) + [True]
    assert (events[-1]["status"], events[-1]["finish_reason"]) == ("stopped", "stopped")
    assert events[-1]["content"] == "".join(event.get("content", "") for event in events[:-1])
    await until(lambda: is_last(into[-1]))
    assert into == events, "its reader has seen the same"
    return _Stop(events, asked, answered)
