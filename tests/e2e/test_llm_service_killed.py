"""llm-service killed under a whole system: streams end with a typed error, calls are settled, and chat goes on."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from httpx_sse import aconnect_sse

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS, assert_within

STALLING = Reply(chunks=("some words ", "more"), hang_after=1)


@dataclass
class Place:
    """A system before a fake vendor, and a client of it."""

    system: RunningSystem
    vendor: OpenAiServer
    http: httpx.AsyncClient

    def kill_llm_service(self) -> float:
        """SIGKILL whoever listens on its port; return when."""
        port = self.system.ports["LLM_SERVICE_PORT"]
        family = [psutil.Process(self.system.process.pid), *psutil.Process(self.system.process.pid).children(True)]
        [pid] = {
            process.pid
            for process in family
            for socket in process.net_connections("tcp")
            if socket.status == psutil.CONN_LISTEN and socket.laddr.port == port
        }
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    async def killed_rows(self, count: int) -> list[dict[str, Any]]:
        """The rows of killed calls, once there are `count`."""
        rows: list[dict[str, Any]] = []
        async with asyncio.timeout(HANG_SECONDS):
            while len(rows) < count:
                answer = await self.http.get("/api/v1/costs/ledger")
                entries = answer.json().get("entries", []) if answer.status_code == 200 else []
                rows = [row for row in entries if row["error_kind"] == "process_killed"]
                await asyncio.sleep(0.1)
        return rows


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(OpenAiServer(default=STALLING))
        (tmp_path / "llm.json").write_text(
            json.dumps({"prices": [{"provider": "openai", "model": "m", "input": "1", "output": "2"}]})
        )
        environment = {
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_BASE_URL": vendor.base_url,
            "OPENAI_MODELS": "m",
            "LLM_CONFIG_FILE": str(tmp_path / "llm.json"),
        }
        system = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        headers = {"Authorization": f"Bearer {system.key}"}
        http = httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS)
        yield Place(system=system, vendor=vendor, http=await stack.enter_async_context(http))


async def test_a_stream_ends_in_a_typed_error_within_3_s_and_the_call_is_settled(place: Place) -> None:
    conversation = (await place.http.post("/api/v1/conversations", json={})).json()["id"]
    url, body = (
        f"/api/v1/conversations/{conversation}/stream",
        {"content": "Tell me!", "role": "user", "model": "openai/m"},
    )
    events: list[dict[str, Any]] = []
    killed = 0.0
    async with aconnect_sse(place.http, "POST", url, json=body) as source:
        async for event in source.aiter_sse():
            events.append(json.loads(event.data))
            if events[-1]["type"] == "message_chunk" and not killed:
                killed = place.kill_llm_service()
    assert_within(time.monotonic() - killed, 3)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events[-1:]] == ["error"]
    assert events[-1]["reason"]
    [row] = await place.killed_rows(1)
    assert (row["outcome"], row["provider"], row["model"]) == ("error", "openai", "m")
    assert float(row["cost"]["amount"]) > 0
    place.vendor.default = Reply()
    # Another service may take a moment longer than the gateway to find it again.
    async with asyncio.timeout(HANG_SECONDS):
        while '"content":"pong"' not in (answer := await place.http.post(url, json=body)).text:
            assert '"retryable":true' in answer.text


async def test_a_completion_ends_in_an_error_frame_and_never_silently(place: Place) -> None:
    body = {"model": "openai/m", "messages": [{"role": "user", "content": "ping"}], "stream": True}
    frames: list[str] = []
    async with aconnect_sse(place.http, "POST", "/v1/chat/completions", json=body) as source:
        async for event in source.aiter_sse():
            frames.append(event.data)
            if "some words" in event.data:
                place.kill_llm_service()
    assert any('"error"' in frame for frame in frames)
    assert '"finish_reason":"' not in "".join(frames)
    await place.killed_rows(1)
