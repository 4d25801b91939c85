"""Gateways behind one port that are replaced, or killed, while connections come."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from penstock_client import AsyncPenstock, MessageChunk, Penstock
from penstock_testkit.fault_rows import FaultRow, NoteFault
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
REQUEST = b"GET /health HTTP/1.1\r\nHost: penstock\r\nConnection: close\r\n\r\n"
RATE = 500


@dataclass(slots=True)
class Arrivals:
    """New connections at a steady rate, each with one request, and what became of them."""

    port: int
    outcomes: Counter[str] = field(default_factory=Counter[str])
    sent: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        began, limit = time.monotonic(), asyncio.Semaphore(400)
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                while self.sent < (time.monotonic() - began) * RATE and not limit.locked():
                    self.sent += 1
                    group.create_task(self._one(limit))
                await asyncio.sleep(0.005)

    async def _one(self, limit: asyncio.Semaphore) -> None:
        async with limit:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(REQUEST)
                answer = await reader.read()
                writer.close()
            except OSError as error:
                self.outcomes[repr(error)] += 1
            else:
                self.outcomes[answer[9:12].decode() or "nothing"] += 1

    @property
    def failed(self) -> int:
        return self.sent - self.outcomes["200"]


@dataclass(slots=True, kw_only=True)
class Place:
    system: RunningSystem
    vendor: OpenAiServer

    @property
    def port(self) -> int:
        return self.system.ports["PENSTOCK_HTTP_PORT"]

    def workers(self) -> dict[str, int]:
        services = json.loads((self.system.home / "penstock.json").read_text())["services"]
        return {
            name: state["process"]["pid"]
            for name, state in services.items()
            if name.startswith("gateway-") and state["status"] == "ready"
        }

    def reload(self) -> None:
        command = [str(Path(sys.executable).with_name("penstock")), "reload"]
        environment = {**os.environ, "PENSTOCK_HOME": str(self.system.home)}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=HANG_SECONDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with OpenAiServer(default=Reply(chunks=[f"word{n} " for n in range(100)], chunk_delay=0.03)) as vendor:
        environment = {
            "PENSTOCK_WORKERS": "2",
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_BASE_URL": vendor.base_url,
        }
        home = tmp_path_factory.mktemp("workers") / "home"
        system = await asyncio.to_thread(start_system, home, extra_env=environment, demo=False)
        made = Place(system=system, vendor=vendor)
        await until(lambda: len(made.workers()) == 2)
        yield made
        await asyncio.to_thread(system.stop)


async def test_replacing_the_gateways_under_new_connections_refuses_and_resets_none(
    place: Place, note_fault: NoteFault
) -> None:
    arrivals, stop, before = Arrivals(place.port), asyncio.Event(), place.workers()
    counted = await requests_counted(place)
    async with asyncio.TaskGroup() as group:
        group.create_task(arrivals.run(stop))
        for _ in range(3):
            await asyncio.to_thread(place.reload)
        stop.set()
    assert place.workers().keys() == before.keys()
    assert not set(place.workers().values()) & set(before.values())
    note_fault(
        FaultRow(
            fault="Gateways replaced one after the other under new connections",
            figure=f"{arrivals.failed} of {arrivals.sent} failed over 6 replacements",
            goal="0 resets",
            met=not arrivals.failed,
        )
    )
    assert arrivals.failed == 0, arrivals.outcomes
    await until_counted(place, counted + arrivals.sent)


async def test_a_killed_gateway_costs_only_its_own_connections_and_its_streams_resume(
    place: Place, note_fault: NoteFault
) -> None:
    arrivals, stop, texts = Arrivals(place.port), asyncio.Event(), list[str]()
    client = AsyncPenstock(place.system.url, api_key=place.system.key)
    async with client, asyncio.TaskGroup() as group:
        arriving = group.create_task(arrivals.run(stop))
        streams = [group.create_task(answer(client, texts)) for _ in range(10)]
        streams += [group.create_task(asyncio.to_thread(answer_sync, place.system, texts)) for _ in range(10)]
        await until(lambda: len(texts) >= 20 * 5)
        victim = place.workers()["gateway-1"]
        os.kill(victim, signal.SIGKILL)
        await asyncio.wait(streams)
        await until(lambda: place.workers().get("gateway-1", victim) != victim)
        stop.set()
        await arriving
    whole = "".join(f"word{n} " for n in range(100))
    resumed = [stream.result() for stream in streams]
    note_fault(
        FaultRow(
            fault="One of two gateways killed under new connections and 20 streams",
            figure=f"{arrivals.failed} of {arrivals.sent} connections cut, {resumed.count(whole)} of 20 streams whole",
            goal="its own alone, all streams resumed",
            met=resumed == [whole] * 20 and arrivals.failed <= 60,
        )
    )
    assert resumed == [whole] * 20
    assert "ConnectionRefusedError" not in str(arrivals.outcomes), "somebody listens at every moment"
    assert arrivals.failed <= 60, arrivals.outcomes


async def test_clients_that_stay_are_spread_over_the_gateways(place: Place) -> None:
    await until(lambda: len(place.workers()) == 2)
    streams = [await asyncio.open_connection("127.0.0.1", place.port) for _ in range(200)]
    for _, writer in streams:
        writer.write(REQUEST.replace(b"close", b"keep-alive"))
    for reader, _ in streams:
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    held = {name: connections_of(pid, place.port) for name, pid in place.workers().items()}
    for _, writer in streams:
        writer.close()
    assert sum(held.values()) >= 200
    assert max(held.values()) <= 0.9 * sum(held.values()), held


async def answer(client: Any, texts: list[str]) -> str:
    conversation = await client.conversations.create(title="long")
    asked = client.conversations.ask(conversation["id"], "Talk!", model="openai/m", use_tools=False)
    said = ""
    async for event in asked:
        if isinstance(event, MessageChunk):
            said += event.content
            texts.append(event.content)
    return said


def answer_sync(system: RunningSystem, texts: list[str]) -> str:
    with Penstock(system.url, api_key=system.key) as client:
        conversation = client.conversations.create(title="long")
        said = ""
        for event in client.conversations.ask(conversation["id"], "Talk!", model="openai/m", use_tools=False):
            if isinstance(event, MessageChunk):
                said += event.content
                texts.append(event.content)
    return said


def connections_of(pid: int, port: int) -> int:
    import psutil

    found = psutil.Process(pid).net_connections("tcp")
    return sum(each.status == "ESTABLISHED" and each.laddr.port == port for each in found)


async def requests_counted(place: Place) -> int:
    line = 'http_requests_total{endpoint="/health",method="GET",status="200"} '
    async with httpx.AsyncClient(base_url=place.system.url, timeout=HANG_SECONDS) as http:
        text = (await http.get("/metrics")).text
    return sum(int(float(row.removeprefix(line))) for row in text.splitlines() if row.startswith(line))


async def until_counted(place: Place, expected: int) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while (counted := await requests_counted(place)) != expected:
            assert counted <= expected
            await asyncio.sleep(0.2)
