"""One running system for the end-to-end tests: five processes, started as a user starts them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system with the demo data, shared by the whole session."""
    running = start_system(Path(tmp_path_factory.mktemp("system")) / "home")
    yield running
    running.stop()


@pytest.fixture
async def http(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client with the admin's API key."""
    headers = {"Authorization": f"Bearer {system.key}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as client:
        yield client
