"""A whole system with the demo's devices, for all tests of the dashboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testkit.system import RunningSystem, start_system
from tests.chromium import browser, chromium

__all__ = ["browser", "chromium"]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The system."""
    running = start_system(Path(tmp_path_factory.mktemp("dashboard")) / "home")
    yield running
    running.stop()
