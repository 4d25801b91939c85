"""The whole system on a PostgreSQL that is not there at the start, or goes away under load."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_testkit.fault_rows import Measured
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.system import RunningSystem, launch_system
from penstock_testkit.waiting import HANG_SECONDS

SECONDS = HANG_SECONDS


@dataclass(slots=True, kw_only=True)
class System:
    """`penstock up` on a database behind a proxy."""

    running: RunningSystem
    proxy: FaultProxy
    client: httpx.AsyncClient

    async def ready(self) -> None:
        """Return when the gateway says so; its client is the administrator from then on."""
        async with asyncio.timeout(SECONDS):
            while (await self.answer("/ready")).status_code != httpx.codes.OK:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        self.client.headers["authorization"] = f"Bearer {self.running.key}"

    async def answer(self, path: str) -> httpx.Response:
        """Return the answer to a GET request, as soon as the gateway listens."""
        async with asyncio.timeout(SECONDS):
            while True:
                with suppress(httpx.ConnectError):
                    return await self.client.get(path)
                assert self.running.process.poll() is None, self.running.output()
                await asyncio.sleep(0.02)

    async def complete(self) -> str:
        """Ask without a conversation; return the text."""
        body = {"model": "fallback/rules", "messages": [{"role": "user", "content": "Hello"}]}
        answer = (await self.client.post("/v1/chat/completions", json=body)).raise_for_status()
        return str(answer.json()["choices"][0]["message"]["content"])

    async def converse(self, conversation_id: str) -> str:
        """Ask in a conversation; return the event stream."""
        path = f"/api/v1/conversations/{conversation_id}/stream"
        answer = await self.client.post(path, json={"content": "Hello", "use_tools": False})
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.text

    async def conversation(self) -> str:
        """Make a conversation and return its id."""
        return str((await self.client.post("/api/v1/conversations", json={})).raise_for_status().json()["id"])

    async def asked(self) -> int:
        """Return how many calls the ledger has."""
        summary = (await self.client.get("/api/v1/costs/summary?group_by=provider")).raise_for_status().json()
        return sum(row["requests"] for row in summary["rows"])


@pytest.fixture
async def system(tmp_path: Path, postgres_url: str) -> AsyncGenerator[System]:
    proxy = FaultProxy(postgres_url)
    # What a slow machine refuses because its own queues stand is no fault of the database's.
    patient = {"PENSTOCK_OVERLOAD_DELAY": "0", "PENSTOCK_OVERLOAD_LAG": "0"}
    running = launch_system(tmp_path / "home", extra_env={"DATABASE_URL": proxy.url, **patient}, demo=False)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=running.url, timeout=SECONDS, limits=limits) as client:
        try:
            yield System(running=running, proxy=proxy, client=client)
        finally:
            await asyncio.to_thread(running.stop)
            await proxy.cut()


async def test_the_system_starts_without_its_database_says_so_and_is_ready_when_it_comes(
    system: System, measured: Measured
) -> None:
    begun = time.monotonic()
    assert (await system.answer("/health")).status_code == httpx.codes.OK
    took = time.monotonic() - begun
    # The others need a moment more than the gateway; then the database alone is missing, and named.
    async with asyncio.timeout(SECONDS):
        while True:
            ready = await system.answer("/ready")
            missing = set(ready.json()["degraded"])
            if missing >= {f"{name}/database" for name in ("llm-service", "chat-stream-service", "feature-service")}:
                break
            await asyncio.sleep(0.02)
    assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
    services = ready.json()["services"]
    assert "was not there at the start" in services["gateway/database"]["detail"]
    assert {services[name]["state"] for name in ("llm-service", "chat-stream-service")} == {"down"}
    await system.proxy.open()
    await system.ready()
    assert "No language model is configured" in await system.complete()
    assert "event: complete_state" in await system.converse(await system.conversation())
    measured(f"the gateway answers {took:.2f} s after it was asked, /ready named {len(missing)} stores")
    assert took < SECONDS / 2


# Behind other work of the machine a second passes before the store takes a turn, and answers are refused for that.
@pytest.mark.alone
async def test_a_database_that_restarts_under_load_costs_no_request_and_no_row(
    system: System, measured: Measured
) -> None:
    await system.proxy.open()
    await system.ready()
    conversations = iter([await system.conversation() for _ in range(28)])
    asking: list[asyncio.Task[Any]] = []

    async def load(count: int) -> None:
        for _ in range(count):
            asking.append(asyncio.create_task(system.complete()))
            asking.append(asyncio.create_task(system.converse(next(conversations))))
            await asyncio.sleep(0.05)

    await load(10)
    await system.proxy.cut()
    await load(8)
    await system.proxy.open()
    await load(10)
    for answer in await asyncio.gather(*asking):
        assert "No language model is configured" in answer
    async with asyncio.timeout(SECONDS):
        while await system.asked() < len(asking):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    measured(f"0 of {len(asking)} failed, {await system.asked()} ledger rows")
    assert await system.asked() == len(asking)
