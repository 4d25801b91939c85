"""Ten times more lists, costs and keys than can be read: refused with a time, and others go on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp
import pytest

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS
from tests.faults.overload import Answer, ask_by_the_clock, ask_now_and_then, measure_capacity

PATHS: Final = ("/api/v1/costs/summary", "/api/v1/keys", "/api/v1/conversations", "/api/v1/costs/ledger")
PASSWORD: Final = "Correct-horse-8-battery"
SECONDS: Final = 4.0
# Seconds that half of another caller's questions take at most beside the flood, or times longer than without it where
# that is more. Were they in line behind the flood, all of them would take as long as it; the slowest one alone tells
# nothing: as many as come at once are let in before a queue has stood, and a connection that found no room beside ten
# thousand new ones a second is tried again by the caller's own kernel, after 1, 3 and 7 s.
MOST: Final = 1.0
SLOWER: Final = 25.0


class Caller:
    """Somebody with a key."""

    def __init__(self, http: aiohttp.ClientSession, key: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"}
        self._turn = 0

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with self._http.post(path, json=body, headers=self._headers) as answer:
            return answer.status, await answer.json()

    async def read(self) -> Answer:
        """Read the next of the paths."""
        self._turn += 1
        async with self._http.get(PATHS[self._turn % len(PATHS)], headers=self._headers) as answer:
            await answer.read()
            return Answer(status=answer.status, retry_after="Retry-After" in answer.headers)

    async def complete(self) -> Answer:
        """Ask the offline provider."""
        question = {"model": "fallback/rules", "messages": [{"role": "user", "content": "hello"}]}
        return Answer(status=(await self.post("/v1/chat/completions", question))[0])


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[RunningSystem]:
    """A system that bears little waiting: who asks here is no faster than what answers."""
    environment = {"PENSTOCK_OVERLOAD_DELAY": "0.02"}
    running = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=environment, demo=False)
    yield running
    await asyncio.to_thread(running.stop)


@pytest.fixture
async def heavy(system: RunningSystem) -> AsyncIterator[Caller]:
    timeout = aiohttp.ClientTimeout(total=HANG_SECONDS)
    async with aiohttp.ClientSession(system.url, connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        yield Caller(http, system.key)


@pytest.fixture
async def light(system: RunningSystem, heavy: Caller) -> AsyncIterator[Caller]:
    """Somebody of another tenant."""
    user: dict[str, Any] = {"username": "eve", "password": PASSWORD, "tenant_id": "other", "scopes": []}
    assert (await heavy.post("/api/v1/users", user))[0] < 300
    login = (await heavy.post("/api/v2/auth/login", {"username": "eve", "password": PASSWORD}))[1]
    async with aiohttp.ClientSession(system.url) as http:
        wish = {"name": "eve", "scopes": ["chat", "models", "costs"]}
        made = (await Caller(http, login.get("data", login)["access_token"]).post("/api/v1/keys", wish))[1]
        yield Caller(http, made.get("data", made)["key"])


@pytest.mark.alone
async def test_a_flood_of_reads_is_refused_with_a_time_and_others_ask_and_read_all_the_while(
    heavy: Caller, light: Caller
) -> None:
    for _ in range(3):
        assert ((await light.complete()).status, (await light.read()).status) == (200, 200)
    alone = [asyncio.create_task(ask_now_and_then(each, pause=0.05)) for each in (light.complete, light.read)]
    await asyncio.sleep(SECONDS / 2)
    for task in alone:
        task.cancel()
    before = await asyncio.gather(*alone)
    rate, warm = await measure_capacity(heavy.read, callers=16, seconds=SECONDS / 2)
    beside = [asyncio.create_task(ask_now_and_then(each, pause=0.05)) for each in (light.complete, light.read)]
    flood = await ask_by_the_clock(heavy.read, rate=10 * rate, seconds=SECONDS)
    for task in beside:
        task.cancel()
    questions, reads = await asyncio.gather(*beside)
    figures = f"{rate:.0f}/s, {flood.statuses}, {flood.p99:.3f} s, beside {questions}, {reads}, alone {before}"
    assert set(warm.statuses) == {200}, figures
    assert set(flood.statuses) == {200, 503}, figures
    assert flood.without_time == 0, figures
    assert set(questions.statuses) == set(reads.statuses) == {200}, figures
    for seen, quiet in zip((questions, reads), before, strict=True):
        assert median(seen.seconds) <= max(MOST, SLOWER * median(quiet.seconds)), figures
