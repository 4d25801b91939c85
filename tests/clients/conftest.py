"""A whole system whose only vendor is a fake one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testkit.system import RunningSystem, start_system
from tests.clients.vendor import MODELS, VendorThread


@pytest.fixture(scope="session")
def vendor() -> Iterator[VendorThread]:
    """The vendor behind llm-service."""
    running = VendorThread()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, vendor: VendorThread) -> Iterator[RunningSystem]:
    """A system that knows the vendor as `openai`, and nothing to stand in for it."""
    environment = {
        "OPENAI_API_KEY": "sk-test-of-the-clients",
        "OPENAI_BASE_URL": vendor.server.base_url,
        "OPENAI_MODELS": ",".join(MODELS),
        "LLM_FALLBACK": "false",
    }
    home = Path(tmp_path_factory.mktemp("clients")) / "home"
    running = start_system(home, extra_env=environment, demo=False)
    yield running
    running.stop()
