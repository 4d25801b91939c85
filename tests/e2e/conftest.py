"""One running system for the end-to-end tests: five processes, started as a user starts them.

With TEST_SYSTEM_HOME, the folder with `admin.key` and `admin.password` of a system that runs, and TEST_SYSTEM_PORT, the
port of its gateway on this machine, the tests ask that one instead: see test_compose_replicas.py.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest

from penstock_testkit.system import FoundSystem, RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system with the demo data, shared by the whole session."""
    if home := os.environ.get("TEST_SYSTEM_HOME"):
        ports = {"PENSTOCK_HTTP_PORT": int(os.environ["TEST_SYSTEM_PORT"])}
        yield cast("RunningSystem", FoundSystem(home=Path(home), ports=ports))
        return
    running = start_system(Path(tmp_path_factory.mktemp("system")) / "home")
    yield running
    running.stop()


@pytest.fixture
async def http(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client with the admin's API key, without the web's authorities: reading them outlasts most calls."""
    headers = {"Authorization": f"Bearer {system.key}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS, verify=False) as client:
        yield client
