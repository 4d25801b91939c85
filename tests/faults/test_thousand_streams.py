"""A thousand answers are under way at once: each keeps the laws, is stopped at a word, and slow readers cost nobody."""

import asyncio
import json
import statistics
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from penstock_testkit.fault_rows import Measured
from penstock_testkit.slow_readers import slow_readers
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply, UntilTold
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until
from tests.faults.gateway_process import Gateway, is_last

STREAMS, STOPPED, SLOW = 1000, 20, 50
SECONDS_A_PIECE = 1.0
# An answer of 128 KB: more than the kernel holds for a reader.
LONG = [f"{number:05d} " * 170 for number in range(128)]
# Bytes of an event: the last one of the long answer holds all of it.
MOST_LINE = 1024 * 1024
# The goal of a stop, in seconds, and what the machine may need beside everything else that runs on it.
GOAL, BOUND = 0.01, 2.0
# Megabytes a live stream, and a slow reader.
MOST_A_STREAM, MOST_A_READER = 0.5, 1.0


class Reader:
    """One stream as its client gets it, over a connection of its own; `events` grows."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    async def read(self, system: RunningSystem, path: str) -> None:
        """Ask, and take the answer to its end."""
        body = json.dumps({"content": "Hello?", "model": "openai/m", "use_tools": False}).encode()
        where = urlsplit(system.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=MOST_LINE)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {system.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        try:
            # An event's line is never cut: a chunk of the body holds whole events.
            async for line in reader:
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[6:]))
        finally:
            writer.close()


@pytest.mark.alone
async def test_a_thousand_streams_are_gapless_end_once_stop_at_a_word_and_bear_slow_readers(
    tmp_path: Path, measured: Measured
) -> None:
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(OpenAiServer())
        asked_of = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": vendor.base_url, "OPENAI_MODELS": "m"}
        system = start_system(tmp_path / "home", extra_env=asked_of, demo=False)
        stack.callback(system.stop)
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=system.url, headers={"authorization": f"Bearer {system.key}"}, timeout=HANG_SECONDS
            )
        )
        ways = Gateway(process=system.process, url=system.url, key=system.key, client=client)
        paths = [f"/api/v1/conversations/{each}/stream" for each in await _conversations(ways, STREAMS + 1)]
        vendor.default = Reply(chunks=LONG)
        long = Reader()
        await long.read(system, paths.pop())
        before = _resident_megabytes(system)
        vendor.default = Reply(chunks=(pieces := UntilTold()), chunk_delay=SECONDS_A_PIECE)
        readers = [Reader() for _ in paths]
        tasks = [asyncio.create_task(reader.read(system, path)) for reader, path in zip(readers, paths, strict=True)]
        stack.push_async_callback(_cancel, tasks)
        url = f"{system.url}/api/v1/streams/{long.events[0]['stream_id']}/events"
        async with slow_readers(url, system.key, count=SLOW) as slow:
            await until(lambda: all(reader.events for reader in readers) and all(each.taken for each in slow))
            grown = _resident_megabytes(system) - before
            stops = [await _stop(ways, reader) for reader in readers[:: STREAMS // STOPPED]]
            pieces.told = True
            await asyncio.gather(*tasks)
            taken = max(len(each.taken) for each in slow)
    measured(
        f"stopped after {statistics.median(stops) * 1000:.0f} ms (p50), {max(stops) * 1000:.0f} ms at most "
        f"(goal {GOAL * 1000:.0f}); + {grown:.0f} MB for {STREAMS} streams and {SLOW} slow readers"
    )
    for number, reader in enumerate(readers):
        _check_laws(reader.events, stopped=number % (STREAMS // STOPPED) == 0)
    assert_within(statistics.median(stops), BOUND)
    assert grown < MOST_A_STREAM * STREAMS + MOST_A_READER * SLOW
    assert taken < sum(map(len, LONG)), "they were slow all the time"


def _check_laws(events: Sequence[Any], *, stopped: bool) -> None:
    """Assert that a stream is gapless, ends once, and that its end holds what its pieces said."""
    assert events[-1]["type"] == "complete_state", events[-1]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [is_last(event) for event in events] == [False] * (len(events) - 1) + [True]
    said = "".join(event.get("content", "") for event in events[:-1])
    assert events[-1]["content"] == said == "".join(f"{number} " for number in range(len(said.split())))
    assert events[-1]["status"] == ("stopped" if stopped else "completed")


async def _conversations(ways: Gateway, count: int) -> Sequence[str]:
    return [(await ways.post("/api/v1/conversations"))["id"] for _ in range(count)]


async def _stop(ways: Gateway, reader: Reader) -> float:
    """Stop a stream, and return the seconds from then to its end."""
    asked = datetime.now(UTC)
    answer = await ways.post(f"/api/v1/streams/{reader.events[0]['stream_id']}/stop")
    assert answer["stopped"] is True, (len(reader.events), reader.events[-1])
    await until(lambda: is_last(reader.events[-1]))
    return (datetime.fromisoformat(reader.events[-1]["create_time"]) - asked).total_seconds()


def _resident_megabytes(system: RunningSystem) -> float:
    processes = psutil.Process(system.process.pid).children(recursive=True)
    return sum(process.memory_info().rss for process in processes) / 1024**2


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
