"""What a caller over HTTP sees of vendors that fail: a stand-in that says so, a bad gateway, or when to come again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx
import pytest
import pytest_asyncio

from penstock_testkit.system import start_system
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS, assert_within

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Place:
    """Two vendors without a stand-in behind them, and a client of the gateway."""

    openai: OpenAiServer
    anthropic: AnthropicServer
    http: httpx.AsyncClient

    async def ask(self, model: str, **fields: Any) -> httpx.Response:
        """Ask one question."""
        body = {"model": model, "messages": [{"role": "user", "content": "ping"}], **fields}
        return await self.http.post("/v1/chat/completions", json=body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        openai = await stack.enter_async_context(OpenAiServer())
        claude = await stack.enter_async_context(AnthropicServer())
        environment = {
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_BASE_URL": openai.base_url,
            "ANTHROPIC_API_KEY": "sk-ant-test-0001",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "LLM_FALLBACK": "false",
        }
        home = tmp_path_factory.mktemp("down") / "home"
        system = await asyncio.to_thread(start_system, home, extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        headers = {"Authorization": f"Bearer {system.key}"}
        http = httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS)
        yield Place(openai=openai, anthropic=claude, http=await stack.enter_async_context(http))


async def test_a_stand_in_says_that_it_is_one(place: Place) -> None:
    for stream in (False, True):
        place.openai.script(Reply(status=503))
        answer = await place.ask("", stream=stream)
        assert answer.status_code == 200
        assert answer.headers["x-degraded"] == "openai:server"
        assert answer.headers["x-penstock-provider"] == "anthropic"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_of_ours_is_a_bad_gateway_and_not_the_callers_401(place: Place, status: int) -> None:
    place.anthropic.script(Reply(status=status, error="invalid x-api-key"))
    answer = await place.ask("anthropic/m")
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "provider_credentials_invalid"
    assert (await place.http.post("/api/v1/llm/reload")).status_code == 200


async def test_with_every_vendor_down_the_caller_is_told_when_to_come_again_within_100_ms(place: Place) -> None:
    place.openai.default = place.anthropic.default = Reply(status=500)
    before = len(place.openai.received) + len(place.anthropic.received)
    took: list[float] = []
    for _ in range(60):
        began = time.monotonic()
        answer = await place.ask("")
        took.append(time.monotonic() - began)
        assert answer.status_code == 503
        assert float(answer.headers["retry-after"]) > 0
    assert_within(median(took[20:]), 0.1, "a refusal")
    assert len(place.openai.received) + len(place.anthropic.received) - before <= 1.1 * 60
