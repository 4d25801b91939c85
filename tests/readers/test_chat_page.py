"""The chat page in a browser: reloaded in the middle of an answer, it goes on to the end.

Skipped where there is no Chromium; `make test-clients` installs it as root.
"""

import re
import shutil
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import Page, async_playwright, expect

from penstock_testkit.system import RunningSystem
from tests.readers.reading import ANSWER

# Nothing but the page: the browser's own connections would only be refused.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
async def page(system: RunningSystem) -> AsyncGenerator[Page]:
    """A page of a new browser, at the chat."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine: make test-clients")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = await browser.new_page()
        await opened.goto(system.url)
        yield opened
        await browser.close()


async def log_in(page: Page, key: str) -> None:
    await page.click("#tab-key")
    await page.fill("#key", key)
    await page.press("#key", "Enter")
    await page.wait_for_selector("#question:visible")


async def test_a_reload_in_the_middle_of_an_answer_loses_nothing(page: Page, system: RunningSystem) -> None:
    await log_in(page, system.key)
    await page.fill("#question", "Hi there!")
    await page.press("#question", "Enter")
    answer = page.locator("article.assistant .text")
    await expect(answer).to_contain_text("piece5 ", timeout=10_000)
    await page.reload()
    await expect(answer).to_contain_text("piece6 ", timeout=10_000)
    assert "piece59" not in (await answer.inner_text()), "it came back too late: the answer had ended"
    await expect(answer).to_have_text(ANSWER.strip(), timeout=20_000)
    await expect(answer).not_to_have_class(re.compile("live"), timeout=10_000)
    await expect(page.locator("article.user")).to_have_count(1)
    await expect(answer).to_have_count(1)
