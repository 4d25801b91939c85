"""Sessions of members on the dashboard, in a browser: they have no socket that would tell of their end.

Skipped where there is no Chromium, as the other tests of the dashboard.
"""

from playwright.async_api import Browser, expect

from penstock_testkit.system import RunningSystem
from tests.dashboard.test_dashboard_page import ask, browser

__all__ = ["browser"]


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
