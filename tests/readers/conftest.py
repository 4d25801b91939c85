"""A whole system whose vendor speaks slowly enough to be left and found again in the middle of an answer."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from tests.clients.vendor import VendorThread
from tests.readers.reading import PIECES


class SlowVendor(OpenAiServer):
    """Says the same to every question, a piece every 20 ms."""

    async def _answered(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        return await super()._answered(request, body, Reply(chunks=PIECES, chunk_delay=0.02))


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The system, for all readers."""
    vendor = VendorThread(SlowVendor())
    vendor.start()
    environment = {
        "OPENAI_API_KEY": "sk-test-of-the-readers",
        "OPENAI_BASE_URL": vendor.server.base_url,
        "OPENAI_MODELS": "slow",
        "LLM_FALLBACK": "false",
    }
    try:
        running = start_system(Path(tmp_path_factory.mktemp("readers")) / "home", extra_env=environment, demo=False)
        yield running
        running.stop()
    finally:
        vendor.stop()
