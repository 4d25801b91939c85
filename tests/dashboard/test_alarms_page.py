"""Alarms in a browser: made on a device, seen to fire, acknowledged, snoozed, changed and deleted.

Skipped where there is no Chromium, as the other tests of the dashboard.
"""

import json
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, expect

from penstock_testkit.system import RunningSystem
from tests.dashboard.test_dashboard_page import AXE, ask, content, open_dashboard, page

__all__ = ["page"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def no_alarms(system: RunningSystem) -> None:
    """Delete what a test before has left."""
    for alarm in ask(system, "/api/v1/alarms").json()["alarms"]:
        ask(system, f"/api/v1/alarms/{alarm['id']}", "DELETE")


async def test_an_alarm_lives_its_whole_life_on_the_page(page: Page, system: RunningSystem) -> None:
    await page.click('#devices button[data-code="WLD001"]')
    await page.click("#device-alarm")
    await expect(page.locator("#alarm-devices")).to_have_value("WLD001")
    await page.fill("#alarm-name", "<b>silent</b>")
    await page.select_option("#alarm-watch", "no_data")
    await expect(page.locator("#alarm-field")).to_be_hidden()
    await page.fill("#alarm-seconds", "1")
    await page.click("#alarm-form [type=submit]")
    await expect(page.locator("#alarms")).to_contain_text("<b>silent</b>")
    row = page.locator("#alerts tr", has_text="<b>silent</b> · WLD001")
    await expect(row).to_contain_text("firing")
    await row.get_by_role("button", name="Acknowledge").click()
    await expect(row).to_contain_text("seen by")
    await row.get_by_role("button", name="Snooze").click()
    await row.get_by_role("button", name="Wake").click()
    await expect(page.locator("#alarm-status")).to_contain_text("no longer snoozed")

    (stored,) = ask(system, "/api/v1/alarms").json()["alarms"]
    assert (stored["watch"], stored["device_codes"], stored["seconds"]) == ("no_data", ["WLD001"], 1)
    mine = page.locator("#alarms tr", has_text="<b>silent</b>")
    await mine.get_by_role("button", name="Edit").click()
    await expect(page.locator("#alarm-seconds")).to_have_value("1")
    await page.fill("#alarm-seconds", "900000")
    await page.click("#alarm-form [type=submit]")
    await expect(page.locator("#alarm-error")).to_contain_text("604800")
    await page.fill("#alarm-seconds", "3600")
    await page.click("#alarm-form [type=submit]")
    await expect(mine).to_contain_text("no data for 3600 s")

    await mine.get_by_role("button", name="Delete").click()
    assert len(ask(system, "/api/v1/alarms").json()["alarms"]) == 1, "one press deletes nothing"
    await mine.get_by_role("button", name="Really delete?").click()
    await expect(mine).to_have_count(0)
    assert ask(system, "/api/v1/alarms").json()["alarms"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_buttons_are_in_sight_on_a_phone_and_everybody_can_use_the_form(
    browser: Browser, system: RunningSystem, scheme: Any
) -> None:
    ask(system, "/api/v1/alarms", "POST", name="silent", watch="no_data", device_codes=["WLD001"], seconds=1)
    phone = await browser.new_page(viewport={"width": 390, "height": 850}, color_scheme=scheme)
    await open_dashboard(phone, system)
    for name in ("Acknowledge silent · WLD001", "Edit silent", "Delete silent"):
        pressed = phone.get_by_role("button", name=name)
        await pressed.scroll_into_view_if_needed()
        box = await pressed.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390
    ask(system, "/api/v1/keys", "POST", name="a very long name " * 7, scopes=["chat"])
    await phone.reload()
    wide = "region => [region.ariaLabel, region.scrollWidth > region.clientWidth]"
    for name in ("Alerts", "Alarms", "Entries of the audit log"):
        await expect(phone.get_by_role("region", name=name, exact=True).locator("tbody tr").first).to_be_visible()
        assert await phone.get_by_role("region", name=name, exact=True).evaluate(wide) == [name, False]
    await phone.get_by_role("button", name="New alarm…").click()
    await phone.select_option("#alarm-watch", "anomaly")
    inside = (
        "document.getElementById('alarm-dialog').scrollWidth <= document.getElementById('alarm-dialog').clientWidth"
    )
    assert await phone.evaluate(inside)
    await phone.evaluate(content(AXE).decode())
    found = await phone.evaluate("axe.run({ resultTypes: ['violations'] })")
    bad = [each for each in found["violations"] if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], each["nodes"][0]["html"]) for each in bad] == []


async def test_the_audit_log_shows_who_did_what_and_is_saved_as_csv(page: Page, system: RunningSystem) -> None:
    made = ask(system, "/api/v1/keys", "POST", name="<i>robot</i>", scopes=["chat"]).json()
    await page.reload()
    row = page.locator("#audit tr", has_text="<i>robot</i>").first
    await expect(row).to_contain_text("key.create")
    await expect(row).to_contain_text("admin")
    async with page.expect_download() as download:
        await page.click("#audit-csv")
    saved = content(await (await download.value).path()).decode()
    assert saved.startswith("time,tenant_id,")
    assert made["id"] in saved
    assert made["key"] not in saved + await page.content()


PREPARED: dict[str, Any] = {
    "watch": "outside", "device_codes": ["WLD001", "WLD002"], "field": "current", "lower": 100, "upper": 250.5,
    "seconds": 60, "hysteresis": 5, "severity": "critical", "name": "<i>band</i> & more",
}  # fmt: skip


def link_of(system: RunningSystem, prepared: Any) -> str:
    return f"{system.url}/dashboard#alarm={quote(json.dumps(prepared), safe='')}"


@pytest.fixture
def member(system: RunningSystem) -> str:
    """A key of who is no administrator."""
    scopes = ["telemetry:read", "telemetry:write"]
    return str(ask(system, "/api/v1/keys", "POST", name="member", scopes=scopes).json()["key"])


async def test_a_member_stores_an_alarm_that_a_link_has_prepared(
    browser: Browser, system: RunningSystem, member: str
) -> None:
    page = await browser.new_page()
    await page.goto(link_of(system, PREPARED))
    await page.fill("#key", member)
    await page.press("#key", "Enter")
    await expect(page.locator("#alarm-dialog")).to_be_visible()
    await expect(page.locator("#alarm-name")).to_have_value("<i>band</i> & more")
    await expect(page.locator("#alarm-upper")).to_have_value("250.5")
    assert ask(system, "/api/v1/alarms").json()["alarms"] == [], "a link alone makes nothing"
    await page.click("#alarm-form [type=submit]")
    await expect(page.locator("#alarms")).to_contain_text("current outside 100 to 250.5 for 60 s")
    (stored,) = ask(system, "/api/v1/alarms").json()["alarms"]
    assert {name: stored[name] for name in PREPARED} == PREPARED
    assert await page.evaluate("location.hash") == ""
    for figures in ("#charts", "#audit", ".cards", ".panels"):
        await expect(page.locator(figures)).to_be_hidden()
    await page.click('#devices button[data-code="WLD001"]')
    await expect(page.locator("#device-chart canvas").first).to_be_visible()


async def test_a_member_sees_the_alarm_of_another_and_cannot_change_it(browser: Browser, system: RunningSystem) -> None:
    ask(system, "/api/v1/alarms", "POST", name="of-admin", watch="no_data", device_codes=["WLD001"], seconds=9)
    scopes = ["telemetry:read", "telemetry:write"]
    fellow = {"username": "fellow", "password": "plum-harbour-77-quiet"}
    assert ask(system, "/api/v1/users", "POST", scopes=scopes, **fellow).status_code == 201
    page = await browser.new_page()
    await page.goto(f"{system.url}/dashboard")
    await page.fill("#username", fellow["username"])
    await page.fill("#password", fellow["password"])
    await page.press("#password", "Enter")
    row = page.locator("#alarms tr", has_text="of-admin")
    await expect(row).to_be_visible()
    await expect(page.locator("#new-alarm")).to_be_visible()
    await expect(row.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("broken", ["%7B", "null", "[]", "%E0%A4%A", '"x"', "7"])
async def test_a_link_that_holds_no_alarm_does_no_harm(page: Page, system: RunningSystem, broken: str) -> None:
    await page.evaluate("hash => { location.hash = hash; }", f"alarm={broken}")
    if broken == "[]":
        await expect(page.locator("#alarm-dialog")).to_be_visible()
        return
    await expect(page.locator("#alarm-status")).to_contain_text("can't be read")
    await expect(page.locator("#alarm-dialog")).to_be_hidden()


async def test_a_link_changes_no_alarm_that_is_there(page: Page, system: RunningSystem) -> None:
    made = ask(
        system, "/api/v1/alarms", "POST", name="kept", watch="no_data", device_codes=["WLD001"], seconds=9
    ).json()
    prepared = {**PREPARED, "id": made["id"], "watch": "no such", "device_codes": "WLD001", "detector_id": "x"}
    await page.evaluate("hash => { location.hash = hash; }", f"alarm={quote(json.dumps(prepared), safe='')}")
    await expect(page.locator("#alarm-title")).to_have_text("New alarm")
    await expect(page.locator("#alarm-watch")).to_have_value("above")
    await expect(page.locator("#alarm-devices")).to_have_value("")
    await page.click("#alarm-cancel")
    (kept,) = ask(system, "/api/v1/alarms").json()["alarms"]
    assert kept == made
