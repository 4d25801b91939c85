"""A whole system whose vendor speaks slowly enough to be left and found again in the middle of an answer."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply, UntilTold
from tests.clients.vendor import VendorThread
from tests.readers.reading import PIECES


class SlowVendor(OpenAiServer):
    """Says the same to every question, a piece every 20 ms; to one with `endless` in it, until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.endless = UntilTold("piece")

    async def _answered(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        chunks = self.endless if "endless" in str(body["messages"][-1]["content"]) else PIECES
        return await super()._answered(request, body, Reply(chunks=chunks, chunk_delay=0.02))


@pytest.fixture(scope="session")
def vendor() -> Iterator[SlowVendor]:
    """The vendor of all models of the system."""
    server = SlowVendor()
    thread = VendorThread(server)
    thread.start()
    yield server
    thread.stop()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, vendor: SlowVendor) -> Iterator[RunningSystem]:
    """The system, for all readers."""
    environment = {
        "OPENAI_API_KEY": "sk-test-of-the-readers",
        "OPENAI_BASE_URL": vendor.base_url,
        "OPENAI_MODELS": "slow",
        "LLM_FALLBACK": "false",
    }
    running = start_system(Path(tmp_path_factory.mktemp("readers")) / "home", extra_env=environment, demo=False)
    yield running
    running.stop()
