"""More questions than the machine carries: refused or answered, each answer in the ledger, lists all the while."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.waiting import HANG_SECONDS

CONNECTIONS, QUESTIONS = 200, 2000
QUESTION = {"model": "openai/m", "messages": [{"role": "user", "content": "x"}]}


@dataclass
class Seen:
    """What callers got, and what the lists said meanwhile."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    without_time: int = 0
    lists: Counter[int] = field(default_factory=Counter[int])

    def note(self, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        if answer.status_code != 200:
            self.without_time += "retry-after" not in answer.headers


@pytest.fixture
async def crowded(tmp_path: Path) -> AsyncIterator[RunningSystem]:
    """A system that calls itself overloaded as soon as it is a twentieth of a second behind."""
    async with OpenAiServer() as vendor:
        environment = {
            "OPENAI_BASE_URL": vendor.base_url,
            "OPENAI_MODELS": "m",
            "LLM_FALLBACK": "false",
            "PENSTOCK_OVERLOAD_LAG": "0.05",
            "PENSTOCK_OVERLOAD_DELAY": "0.05",
        }
        system = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=environment, demo=False)
        yield system
        await asyncio.to_thread(system.stop)


async def test_every_question_is_answered_or_refused_with_a_time_and_every_answer_is_in_the_ledger(
    crowded: RunningSystem,
) -> None:
    seen, left = Seen(), iter(range(QUESTIONS))
    headers = {"Authorization": f"Bearer {crowded.key}"}
    limits = httpx.Limits(max_connections=CONNECTIONS + 10)
    async with httpx.AsyncClient(base_url=crowded.url, headers=headers, limits=limits, timeout=HANG_SECONDS) as http:

        async def ask() -> None:
            for _ in left:
                seen.note(await http.post("/v1/chat/completions", json=QUESTION))

        async def look() -> None:
            while True:
                for path in ("/v1/models", "/api/v1/costs/summary", "/health"):
                    seen.lists[(await http.get(path)).status_code] += 1

        looking = asyncio.create_task(look())
        begun = time.monotonic()
        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
        assert time.monotonic() - begun < 600
        looking.cancel()
        total = (await http.get("/api/v1/costs/summary")).json()["total"]["requests"]
    assert set(seen.statuses) <= {200, 429, 503}, seen
    assert seen.statuses.total() == QUESTIONS
    assert seen.without_time == 0
    assert set(seen.lists) == {200}, seen
    assert total == seen.statuses[200] > 0
