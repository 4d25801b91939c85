"""The browser of the tests of pages: one Chromium for a file of tests, and nothing left in it behind each of them.

Starting it costs more than most of the tests. What a test opens is a profile of its own (a context), which shares
nothing with any other, and is closed with the test. What a page does is waited for, however slow the machine is.
"""

import shutil
from collections.abc import AsyncGenerator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from penstock_testkit.waiting import HANG_SECONDS

_HANG: Final = HANG_SECONDS * 1000
expect.set_options(timeout=_HANG)

# Nothing but the page: the browser's own connections would only be refused.
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--expose-gc",
    "--enable-precise-memory-info",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncGenerator[Browser]:
    """The browser; skipped where there is no Chromium, which `make test-clients` installs as root."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium on this machine: make test-clients")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=_HANG)
        started.on("context", lambda context: context.set_default_timeout(_HANG))
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def browser(chromium: Browser) -> AsyncGenerator[Browser]:
    """The browser with nothing open in it."""
    yield chromium
    for context in list(chromium.contexts):
        await context.close()
    assert chromium.is_connected(), "the browser ended in this test"
