"""The chat page in a browser: reloaded in the middle of an answer, it goes on to the end.

Skipped where there is no Chromium; `make test-clients` installs it as root.
"""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import until
from tests.chromium import browser, chromium
from tests.readers.conftest import SlowVendor

__all__ = ["browser", "chromium"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, system: RunningSystem) -> Page:
    """A page at the chat."""
    opened = await browser.new_page()
    await opened.goto(system.url)
    return opened


async def log_in(page: Page, key: str) -> None:
    await page.click("#tab-key")
    await page.fill("#key", key)
    await page.press("#key", "Enter")
    await page.wait_for_selector("#question:visible")


async def test_a_reload_in_the_middle_of_an_answer_loses_nothing(
    page: Page, system: RunningSystem, vendor: SlowVendor
) -> None:
    await log_in(page, system.key)
    await page.fill("#question", "Say something endless")
    await page.press("#question", "Enter")
    answer = page.locator("article.assistant .text")
    await expect(answer).to_contain_text("piece5 ")
    await page.reload()
    await expect(answer).to_contain_text("piece6 ")
    vendor.endless.told = True
    await expect(answer).not_to_have_class(re.compile("live"))
    said = (await answer.inner_text()).split()
    assert said == [f"piece{number}" for number in range(len(said))]
    await expect(page.locator("article.user")).to_have_count(1)
    await expect(answer).to_have_count(1)


async def test_two_clicks_on_a_suggestion_make_one_conversation(page: Page, system: RunningSystem) -> None:
    made: list[str] = []
    page.on("request", lambda request: made.append(request.url) if request.method == "POST" else None)
    await log_in(page, system.key)
    await page.locator("#suggestions button").first.dblclick()
    await expect(page.locator("article.user")).to_have_count(1)
    await expect(page.locator("article.assistant")).to_have_count(1)
    await until(lambda: any(url.endswith("/stream") for url in made))
    assert len([url for url in made if url.endswith("/api/v1/conversations")]) == 1
    assert len([url for url in made if url.endswith("/stream")]) == 1
    await page.click("#stop")


async def test_a_stop_before_the_first_word_stops_the_answer(page: Page, system: RunningSystem) -> None:
    await log_in(page, system.key)
    async with page.expect_request(lambda request: request.url.endswith("/stop")):
        await page.fill("#question", "Hi there!")
        await page.press("#question", "Enter")
        await page.click("#stop")
    await expect(page.locator("article.assistant .text")).not_to_have_class(re.compile("live"))
    await expect(page.locator("#send")).to_be_visible()
