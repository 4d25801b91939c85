"""Many readers at one gateway that take little or get nothing: what they cost it, and what they cost the others."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from penstock.llm.v1 import llm_pb2_grpc

from penstock_kit.context import CallContext, use_context
from penstock_testkit.fault_rows import Measured
from penstock_testkit.services import FakeLlm, Hang, answer_events, serve
from penstock_testkit.slow_readers import slow_readers
from penstock_testkit.waiting import HANG_SECONDS, until
from tests.faults.gateway_process import Gateway, gateway
from tests.faults.stream_replica import ANN, Replica, replica

MEGABYTE = 1024 * 1024
SLOW, IDLE = 200, 1000
# An answer of a megabyte: as events it is twice that.
TEXTS = [f"{number:05d} " * 170 for number in range(1000)]


@dataclass(slots=True, kw_only=True)
class System:
    """A gateway before one chat-stream-service, and the llm-service that says what the test wants."""

    llm: FakeLlm
    chat: Replica
    gateway: Gateway

    def resident_megabytes(self) -> float:
        """What gateway and chat-stream-service take together."""
        pids = (self.gateway.process.pid, self.chat.process.pid)
        return sum(psutil.Process(pid).memory_info().rss for pid in pids) / MEGABYTE

    def queued_megabytes(self) -> float:
        """What the kernel holds for the gateway's clients."""
        here = f":{urlsplit(self.gateway.url).port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(int(row[4].partition(":")[0], 16) for row in rows if row[1].endswith(here)) / MEGABYTE

    async def conversation(self) -> str:
        """Make one and return the path at which it is asked."""
        return f"/api/v1/conversations/{(await self.gateway.post('/api/v1/conversations'))['id']}/stream"


@pytest.fixture
async def system(tmp_path: Path) -> AsyncGenerator[System]:
    async with AsyncExitStack() as stack:
        stack.enter_context(use_context(CallContext(request_id="req_c", caller=ANN)))
        fake, home = FakeLlm(), tmp_path / "home"
        llm = await stack.enter_async_context(serve((llm_pb2_grpc.add_LlmServiceServicer_to_server, fake)))
        chat = await stack.enter_async_context(replica(home, llm))
        # The thousand heads come from this process, which may be slow to send them.
        settings = {"PENSTOCK_STREAM_HEARTBEAT_SECONDS": "1", "PENSTOCK_HEAD_SECONDS": str(HANG_SECONDS)}
        before = await stack.enter_async_context(gateway(home, chat.address, **settings))
        yield System(llm=fake, chat=chat, gateway=before)


@pytest.mark.alone
async def test_200_slow_readers_take_bounded_memory_hold_up_nobody_and_lose_nothing(
    system: System, measured: Measured
) -> None:
    system.llm.script = answer_events(*TEXTS)
    path, whole = await system.conversation(), []
    await system.gateway.events("POST", path, whole, content="Hello?", use_tools=False)
    url = f"{system.gateway.url}/api/v1/streams/{whole[0]['stream_id']}/events"
    before = system.resident_megabytes()
    async with asyncio.timeout(HANG_SECONDS), slow_readers(url, system.gateway.key, count=SLOW) as readers:
        await until(lambda: all(len(reader.taken) > 2048 for reader in readers), seconds=HANG_SECONDS)
        others: list[Any] = []
        await system.gateway.events("POST", path, others, content="Hello?", use_tools=False)
        grown, queued = system.resident_megabytes() - before, system.queued_megabytes()
        assert others[-1]["content"] == whole[-1]["content"] == "".join(TEXTS)
        assert max(len(reader.taken) for reader in readers) < MEGABYTE / 10, "they were slow all the time"
        measured(f"+ {grown:.0f} MB for {SLOW} readers, another's answer whole")
        assert grown < SLOW, "MB: what they have not taken stays in the log"
        assert queued < 0.25 * SLOW
        readers[0].hurry()
    assert events_in(readers[0].taken) == whole


def events_in(answer: bytes) -> list[Any]:
    """Return the events of an answer as it came over the wire; a piece of it holds whole frames."""
    return [json.loads(line[6:]) for line in answer.splitlines() if line.startswith(b"data: ")]


@pytest.mark.alone
async def test_1000_idle_streams_take_at_most_half_a_megabyte_each_and_get_their_heartbeats(
    system: System, measured: Measured
) -> None:
    system.llm.script = [*answer_events("One moment. ")[:2], Hang()]
    paths, before = [await system.conversation() for _ in range(IDLE)], system.resident_megabytes()
    beats = [0] * IDLE

    async def reservation(number: int) -> None:
        body = {"content": "Hello?", "use_tools": False}
        async with system.gateway.client.stream("POST", paths[number], json=body) as answer:
            async for line in answer.aiter_lines():
                beats[number] += line == ": ka"

    async with asyncio.timeout(HANG_SECONDS):
        holding = [asyncio.create_task(reservation(number)) for number in range(IDLE)]
        await until(lambda: all(beats) or any(task.done() for task in holding), seconds=HANG_SECONDS)
        assert all(beats), [task.exception() for task in holding if task.done()]
        first = list(beats)
        # Another of each takes a second; ten are late by far.
        await until(lambda: all(now > then for now, then in zip(beats, first, strict=True)), seconds=HANG_SECONDS)
        grown = system.resident_megabytes() - before
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)
    again = sum(now > then for now, then in zip(beats, first, strict=True))
    measured(f"{grown / IDLE:.2f} MB each, {again} of {IDLE} had their heartbeats")
    assert grown < 0.5 * IDLE
