"""Nothing heavy is loaded before somebody needs it."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from penstock_testkit.system import RunningSystem, start_system
from tests.e2e.chat import ask

HEAVY = re.compile(r"/(openai|anthropic|google/genai|pandas|sklearn|duckdb|_duckdb|pyarrow|torch|scipy)/")
"""Native libraries of the packages that must not be loaded in an idle process, as paths of mapped files."""


@pytest.fixture
def idle_system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system of its own that nobody has asked anything yet."""
    running = start_system(tmp_path / "home", extra_env={"OPENAI_API_KEY": "sk-test-never-called"})
    yield running
    running.stop()


async def test_no_provider_is_loaded_after_start_and_exactly_the_fallback_after_one_answer(
    tmp_path: Path,
) -> None:
    system = start_system(tmp_path / "home")
    try:
        headers = {"Authorization": f"Bearer {system.key}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=30) as http:
            before = (await http.get("/api/v1/monitoring/providers")).raise_for_status().json()
            await ask(http, "Hi there!")
            after = (await http.get("/api/v1/monitoring/providers")).raise_for_status().json()
    finally:
        system.stop()
    assert before["loaded_providers"] == []
    assert before["available_providers"] == ["fallback"]
    assert after["loaded_providers"] == ["fallback"]


def test_idle_services_have_no_heavy_library_mapped(idle_system: RunningSystem) -> None:
    supervisor = psutil.Process(idle_system.process.pid)
    for process in [supervisor, *supervisor.children(recursive=True)]:
        mapped = {part.path for part in process.memory_maps()}
        assert not [path for path in mapped if HEAVY.search(path)], process.cmdline()
