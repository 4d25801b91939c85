"""Sessions of members on the dashboard, in a browser: they have no socket that would tell of their end.

Skipped where there is no Chromium, as the other tests of the dashboard.
"""

import pytest
from playwright.async_api import Browser, expect

from penstock_testkit.system import RunningSystem
from tests.dashboard.test_dashboard_page import ask

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_member_whose_session_has_ended_is_asked_to_sign_in_and_keeps_the_view(
    browser: Browser, system: RunningSystem
) -> None:
    made = ask(system, "/api/v1/keys", "POST", name="reader", scopes=["telemetry:read"]).json()
    page = await browser.new_page()
    await page.goto(f"{system.url}/dashboard")
    await page.fill("#key", made["key"])
    await page.press("#key", "Enter")
    await page.locator("#devices button", has_text="WLD001").click()
    await expect(page.locator("#device-note")).to_contain_text("points")
    await expect(page.locator("#charts")).to_be_hidden()
    assert ask(system, f"/api/v1/keys/{made['id']}", "DELETE").is_success
    await expect(page.locator("#login-error")).to_have_text("You have been signed out. Sign in to go on.")
    await expect(page.locator("#device-name")).to_be_visible()
    await page.fill("#key", system.key)
    await page.press("#key", "Enter")
    await expect(page.locator("#state")).to_have_text("live")
    await expect(page.locator("#charts")).to_be_visible()


async def test_a_member_is_told_when_nobody_answers_and_what_a_search_could_not_read(
    browser: Browser, system: RunningSystem
) -> None:
    made = ask(system, "/api/v1/keys", "POST", name="watcher", scopes=["telemetry:read"]).json()
    page = await browser.new_page()
    await page.goto(f"{system.url}/dashboard")
    await page.fill("#key", made["key"])
    await page.press("#key", "Enter")
    await expect(page.locator("#devices button")).not_to_have_count(0)
    await page.route("**/api/**", lambda route: route.abort())
    await page.fill("#device-search", "WLD")
    await expect(page.locator("#devices")).to_contain_text("Not read: The gateway is not reached.")
    await expect(page.locator("#stale")).to_contain_text("No answer for")
    await expect(page.locator("#state")).to_have_text("not connected")
    await page.unroute("**/api/**")
    await expect(page.locator("#stale")).to_be_hidden()
    await expect(page.locator("#state")).to_have_text("")


async def test_a_sign_in_and_a_download_that_reach_nobody_are_told_as_sentences(
    browser: Browser, system: RunningSystem
) -> None:
    page = await browser.new_page()
    await page.goto(f"{system.url}/dashboard")
    await page.route("**/api/**", lambda route: route.abort())
    await page.fill("#key", system.key)
    await page.press("#key", "Enter")
    await expect(page.locator("#login-error")).to_have_text("The gateway is not reached.")
    await page.unroute("**/api/**")
    await page.fill("#key", system.key)
    await page.press("#key", "Enter")
    await expect(page.locator("#state")).to_have_text("live")
    await page.route("**/api/v1/audit?format=csv*", lambda route: route.abort())
    await page.click("#audit-csv")
    await expect(page.locator("#audit-status")).to_have_text("Not done: The gateway is not reached.")
