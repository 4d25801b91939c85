"""What the first use of each provider costs, and that nobody else waits for it."""

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from penstock_testkit.waiting import HANG_SECONDS

# In a process of its own, where nothing is imported yet: load one provider while a ticker runs.
_LOAD = """
import asyncio, json, sys
import psutil
from llm_service.domain.model.profile import ProviderProfile
from llm_service.providers.registry import ProviderRegistry, ProviderServices
from penstock_kit.clock import SystemClock
from penstock_kit.ids import new_id

async def tick(times):
    while True:
        await asyncio.sleep(0.001)
        times.append(asyncio.get_running_loop().time())

async def main(dialect):
    profile = ProviderProfile(name="p", dialect=dialect, models=("m",), base_url="http://127.0.0.1:9", keys=("k",))
    services = ProviderServices(clock=SystemClock(), new_id=new_id, connect_timeout=60)
    rss = lambda: psutil.Process().memory_info().rss
    registry = ProviderRegistry([profile], services=services, wrap=lambda _, provider: provider, rss_bytes=rss)
    before = set(sys.modules)
    times = []
    ticking = asyncio.create_task(tick(times))
    await registry.get("p")
    ticking.cancel()
    loaded = registry.loaded("p")
    sdks = [name for name in ("openai", "anthropic", "google.genai") if name in set(sys.modules) - before]
    await registry.close()
    print(json.dumps(
        {
            "sdks": sdks,
            "bytes": loaded.memory_bytes,
            "seconds": loaded.load_seconds,
            "import_seconds": loaded.import_seconds,
            "ticks": len(times),
            "interval": sys.getswitchinterval(),
        }
    ))

asyncio.run(main(sys.argv[1]))
"""


@cache
def first_use(dialect: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, dialect], capture_output=True, text=True, check=True, timeout=HANG_SECONDS
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("dialect", "sdks"), [("openai", ["openai"]), ("anthropic", ["anthropic"]), ("gemini", []), ("rules", [])]
)
def test_a_first_use_imports_its_own_sdk_and_no_other(dialect: str, sdks: list[str]) -> None:
    assert first_use(dialect)["sdks"] == sdks


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_others_go_on_while_an_sdk_is_imported(dialect: str) -> None:
    assert first_use(dialect)["ticks"] > 10


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "rules"])
def test_what_is_loaded_gives_the_interpreter_back_within_a_millisecond(dialect: str) -> None:
    assert first_use(dialect)["interval"] <= 0.001


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_the_cost_of_a_first_use_is_known(dialect: str) -> None:
    cost = first_use(dialect)
    assert cost["bytes"] > 1_000_000
    assert cost["seconds"] > 0


@pytest.mark.parametrize(("dialect", "imports"), [("openai", True), ("anthropic", True), ("gemini", False)])
def test_the_import_of_an_sdk_is_told_apart_from_our_own_building(dialect: str, imports: bool) -> None:
    cost = first_use(dialect)
    assert cost["import_seconds"] < cost["seconds"]
    assert (cost["import_seconds"] > 0.01) is imports
