"""A whole system whose vendor answers each question as a test has laid down, and a real browser at its page."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from tests.chat_page.chat_page import ChatPage
from tests.chromium import browser, chromium
from tests.clients.vendor import VendorThread

__all__ = ["browser", "chromium"]


class ScriptedVendor(OpenAiServer):
    """Answers a question by its text, and echoes those that nobody has laid down."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[str, Reply] = {}
        self.questions: list[str] = []

    async def _answered(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        asked = [message["content"] for message in body["messages"] if message["role"] == "user"]
        question = str(asked[-1]) if asked else ""
        if body["messages"][-1]["role"] == "tool":
            question = f"after tools: {question}"
        self.questions.append(question)
        known = self.replies.get(question, Reply(chunks=("You said: ", question)))
        return await super()._answered(request, body, known)


@pytest.fixture(scope="session")
def vendor() -> Iterator[ScriptedVendor]:
    """The vendor of all models of the system."""
    server = ScriptedVendor()
    thread = VendorThread(server)
    thread.start()
    yield server
    thread.stop()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, vendor: ScriptedVendor) -> Iterator[RunningSystem]:
    """The system, with the devices of the demo."""
    environment = {
        "OPENAI_API_KEY": "sk-test-of-the-page",
        "OPENAI_BASE_URL": vendor.base_url,
        "OPENAI_MODELS": "scripted",
        "LLM_FALLBACK": "false",
    }
    running = start_system(Path(tmp_path_factory.mktemp("page")) / "home", extra_env=environment, demo=True)
    yield running
    running.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def chat(browser: Browser, system: RunningSystem) -> AsyncGenerator[ChatPage]:
    """The page in a window of its own, signed in. No script error, no breach of its policy, no request elsewhere."""
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = ChatPage(await context.new_page(), system)
    await page.sign_in()
    yield page
    assert page.faults == []
    await context.close()
