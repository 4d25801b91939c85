"""Windows of an extraction and anomalies over a device's series, in a browser.

Skipped where there is no Chromium, as the other tests of the dashboard.
"""

import asyncio
import csv
import io
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.dashboard.test_dashboard_page import AXE, ask, content, open_dashboard, page

__all__ = ["page"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = datetime(2026, 11, 20, 8, tzinfo=UTC)
# Of the device PAGE04: rows 700 to 760 have a temperature that no other row has.
STRANGE = range(700, 760)


def ingest(system: RunningSystem, code: str, columns: str, rows: list[str]) -> None:
    path = f"/api/v2/data/ingest?format=csv&create=true&device_code={code}&model_code={code.lower()}"
    assert ask(system, path, "POST", content="\n".join([f"timestamp,{columns}", *rows])).status_code == 200


def at(seconds: float, begin: datetime = BEGIN) -> str:
    return (begin + timedelta(seconds=seconds)).isoformat()


def machine_rows(count: int, begin: datetime = BEGIN) -> list[str]:
    """Rows of two waves; the temperature of the strange ones is far off."""
    waves = [(math.sin(row / 5), 40 + math.sin(row / 11) + (30 if row in STRANGE else 0)) for row in range(count)]
    return [f"{at(row, begin)},{level:.4f},{heat:.4f}" for row, (level, heat) in enumerate(waves)]


@pytest.fixture(scope="module", autouse=True)
def devices(system: RunningSystem) -> None:
    """Devices whose windows and anomalies are known: rows are one second apart, those of PAGE05 two."""
    ingest(system, "PAGE03", "level", [f"{at(row)},{row}" for row in range(400)])
    ingest(system, "PAGE04", "level,temperature", machine_rows(1000))
    ingest(system, "PAGE05", "level", [f"{at(2 * row)},{row}" for row in range(300)])
    # PAGE08 begins 17 seconds past a minute, and has no row in two minutes.
    ingest(system, "PAGE08", "level", [f"{at(row + 17)},{row}" for row in range(643) if not 280 <= row < 405])
    ingest(system, "PAGE06", "level", [f"{at(row)},{row % 7}" for row in range(21_000)])


async def choose(page: Page, code: str, *boxes: str) -> None:
    """Open a device with all of its rows, and what is to be seen over them."""
    await page.fill("#device-search", code)
    await page.locator("#devices button", has_text=code).click()
    await page.select_option("#range", "0")
    await expect(page.locator("#device-note")).to_contain_text("points")
    for box in boxes:
        await page.check(box)


async def saved(page: Page, button: str) -> bytes:
    async with page.expect_download() as download:
        await page.click(button)
    return content(await (await download.value).path())


async def table(page: Page, button: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((await saved(page, button)).decode())))


def count_calls(page: Page, path: str) -> list[dict[str, Any]]:
    """Return a list that gets the body of every call of a route."""
    bodies: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.url.endswith(path):
            bodies.append(json.loads(request.post_data or "{}"))

    page.on("request", note)
    return bodies


async def test_the_keyboard_goes_from_window_to_window_and_shows_its_features(page: Page) -> None:
    await choose(page, "PAGE03", "#windows-on")
    note = page.locator("#windows-note")
    await expect(note).to_have_text("7 windows of 100 rows (100 s), a new one every 50 rows")
    canvas = page.locator("#device-chart canvas")
    await canvas.focus()
    await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("Shift+ArrowRight")
    await expect(page.locator("#window-chosen")).to_contain_text("Window 3 of 7")
    features = page.locator("#window-features")
    await expect(features.get_by_role("row", name="mean 149.5")).to_have_count(1)
    await expect(features.get_by_role("row", name="max 199")).to_have_count(1)
    await expect(page.locator("#device-chart [aria-live]")).to_contain_text(re.compile(r"Window 3 of 7.*mean 149\.5"))
    await expect(canvas).to_have_attribute("aria-label", re.compile("7 windows"))
    await page.click("#window-previous")
    await expect(features.get_by_role("row", name="mean 99.5")).to_have_count(1)


async def test_the_window_under_the_pointer_shows_its_features(page: Page) -> None:
    await choose(page, "PAGE03", "#windows-on")
    await page.fill("#window-overlap", "0")
    await page.press("#window-overlap", "Enter")
    await expect(page.locator("#windows-note")).to_contain_text("4 windows of 100 rows (100 s), a new one every 100")
    await expect(page.locator("#window-step")).to_have_value("100")
    canvas = page.locator("#device-chart canvas")
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 100)
    await expect(page.locator("#window-chosen")).to_contain_text("Window 4 of 4")
    await expect(page.locator("#window-features")).to_contain_text("349.5")
    await expect(page.locator("#device-chart .tip")).to_contain_text("window 4")


async def test_windows_are_chosen_as_time_too_and_listed_in_a_table(page: Page) -> None:
    await choose(page, "PAGE05", "#windows-on")
    asked = count_calls(page, "/features/extract")
    await page.select_option("#window-unit", "minutes")
    await expect(page.locator("#window-size")).to_have_value("3.33333")
    note = page.locator("#windows-note")
    await expect(note).to_have_text("4 windows of 3.33 min, a new one every 100 s")
    assert (asked[-1]["window_size"], asked[-1]["step"]) == ("200s", "100s")
    await page.fill("#window-size", "2")
    await page.press("#window-size", "Enter")
    await page.fill("#window-step", "1.5")
    await page.press("#window-step", "Enter")
    await expect(page.locator("#window-overlap")).to_have_value("25")
    await expect(note).to_have_text("6 windows of 2 min, a new one every 90 s")
    assert (asked[-1]["window_size"], asked[-1]["step"]) == ("120s", "90s")
    await page.click("#windows-list summary")
    rows = page.locator("#windows-table tbody tr")
    await expect(rows).to_have_count(6)
    await rows.nth(1).get_by_role("button", name="Window 2").click()
    await expect(page.locator("#window-chosen")).to_contain_text("Window 2 of 6")
    await page.select_option("#window-kind", "edges")
    await expect(page.locator("#windows-note")).to_contain_text("6 windows")


async def test_windows_of_minutes_begin_by_the_clock_and_those_without_a_row_are_counted(page: Page) -> None:
    await choose(page, "PAGE08", "#windows-on")
    await page.select_option("#window-unit", "minutes")
    await page.fill("#window-size", "1")
    await page.press("#window-size", "Enter")
    await page.fill("#window-step", "1")
    await page.press("#window-step", "Enter")
    await expect(page.locator("#windows-note")).to_have_text(
        "8 windows of 60 s, a new one every 60 s; 2 left out, as the window has no row"
    )
    rows = await table(page, "#windows-csv")
    assert [each["start_time"][14:19] for each in rows] == [f"{minute:02}:00" for minute in (1, 2, 3, 4, 7, 8, 9, 10)]
    assert {each["seconds"] for each in rows} == {"60"}


async def test_anomalies_are_looked_for_in_windows_of_minutes(page: Page) -> None:
    asked = count_calls(page, "/ai/anomalies")
    await choose(page, "PAGE04", "#anomalies-on")
    note = page.locator("#anomalies-note")
    await expect(note).to_contain_text("windows of 30 rows")
    await page.select_option("#anomaly-unit", "minutes")
    await page.fill("#anomaly-size", "0.5")
    await page.press("#anomaly-size", "Enter")
    await expect(note).to_contain_text("1 stretch · pca, windows of 30s, threshold")
    assert asked[-1]["window_size"] == "30s"


async def test_of_many_windows_the_first_are_drawn_and_it_is_said(page: Page) -> None:
    await choose(page, "PAGE06", "#windows-on")
    asked = count_calls(page, "/features/extract")
    await expect(page.locator("#windows-note")).to_contain_text("The first 200 of about 419 windows of 100 rows")
    await expect(page.locator("#device-chart canvas")).to_have_attribute("aria-label", re.compile("200 windows"))
    await page.fill("#window-step", "100")
    await page.press("#window-step", "Enter")
    await expect(page.locator("#windows-note")).to_contain_text("The first 200 of about 210 windows")
    read = datetime.fromisoformat(asked[-1]["end_time"]) - datetime.fromisoformat(asked[-1]["start_time"])
    assert timedelta(seconds=20_000) <= read <= timedelta(seconds=20_200)
    rows = await table(page, "#windows-csv")
    assert [(each["window"], each["start_time"]) for each in rows][-1] == ("200", "2026-11-20T13:31:40.000Z")


async def test_what_the_service_refuses_is_told_as_a_sentence(page: Page) -> None:
    await choose(page, "PAGE03", "#windows-on", "#anomalies-on")
    note = page.locator("#windows-note")
    await page.fill("#window-size", "1000")
    await page.press("#window-size", "Enter")
    await expect(note).to_have_text(re.compile("^No windows: window_size is 1000 but there are only 400 rows"))
    await expect(page.locator("#window-features")).to_be_hidden()
    await page.fill("#window-step", "2000")
    await page.press("#window-step", "Enter")
    await expect(note).to_have_text("No windows: A step has 1 to the window's 1000 rows, not 2000.")
    await page.fill("#anomaly-size", "300")
    await page.press("#anomaly-size", "Enter")
    await expect(page.locator("#anomalies-note")).to_have_text(re.compile("^No anomalies: .*rows"))
    await page.route("**/features/extract", lambda route: route.abort())
    await page.fill("#window-size", "50")
    await page.press("#window-size", "Enter")
    await page.fill("#window-step", "50")
    await page.press("#window-step", "Enter")
    await expect(note).to_have_text("No windows: The gateway is not reached.")


async def test_anomalies_are_marked_with_their_score_and_explained_by_field(page: Page) -> None:
    await choose(page, "PAGE04", "#anomalies-on")
    note = page.locator("#anomalies-note")
    await expect(note).to_contain_text(re.compile(r"\d of 65 windows are unlike the baseline, in 1 stretch · pca"))
    await expect(note).to_contain_text("baseline: 333 rows")
    await expect(page.locator("#anomaly-chosen")).to_contain_text(re.compile(r"Anomaly 1 of 1, from .*: score \d+"))
    fields = page.locator("#anomaly-fields tbody tr")
    await expect(fields.first).to_contain_text(re.compile(r"temperature\s*\d\d+ %"))
    await page.click("#anomalies-list summary")
    await expect(page.locator("#anomalies-table tbody tr")).to_contain_text(re.compile(r"temperature \d+ %"))
    (marked,) = await table(page, "#anomalies-csv")
    assert marked["start_time"] <= "2026-11-20T08:11:40.000Z"
    assert marked["end_time"] >= "2026-11-20T08:12:39.000Z"
    assert float(marked["score"]) > float(marked["threshold"])
    assert float(marked["share_temperature"]) > 0.5
    canvas = page.locator("#device-chart canvas")
    await canvas.focus()
    await page.keyboard.press("PageDown")
    await expect(page.locator("#device-chart [aria-live]")).to_contain_text("because of temperature")


async def test_the_time_in_which_all_was_well_is_chosen(page: Page) -> None:
    asked = count_calls(page, "/ai/anomalies")
    await choose(page, "PAGE04", "#anomalies-on")
    note = page.locator("#anomalies-note")
    await expect(note).to_contain_text("baseline: 333 rows")
    await page.select_option("#anomaly-baseline", "chosen")
    await expect(note).to_have_text("No anomalies: Choose from when to when all was well.")
    chosen = [BEGIN, BEGIN + timedelta(minutes=10)]
    zone = await page.evaluate("new Date().getTimezoneOffset()")
    for name, time in zip(("#anomaly-from", "#anomaly-to"), chosen, strict=True):
        await page.fill(name, (time - timedelta(minutes=zone)).strftime("%Y-%m-%dT%H:%M"))
    await page.select_option("#anomaly-method", "robust_z")
    await expect(note).to_contain_text("1 stretch · robust_z")
    await expect(note).to_contain_text("baseline: 600 rows")
    assert [datetime.fromisoformat(each) for each in asked[-1]["baseline"].values()] == chosen


async def test_a_mark_is_drawn_where_it_is(page: Page) -> None:
    await choose(page, "PAGE04", "#anomalies-on")
    await expect(page.locator("#anomalies-note")).to_contain_text("1 stretch")
    ratios = await page.evaluate("""() => {
      const canvas = document.querySelector('#device-chart canvas'), pen = canvas.getContext('2d');
      const scale = canvas.width / canvas.clientWidth, plot = canvas.clientWidth - 60;
      const y = Math.round((canvas.clientHeight - 24) * scale), row = pen.getImageData(0, y, canvas.width, 1).data;
      const red = [];
      for (let x = 0; x < canvas.width; x++) if (row[4 * x] > row[4 * x + 1] + 60) red.push((x / scale - 50) / plot);
      return [Math.min(...red), Math.max(...red)];
    }""")
    assert ratios[0] == pytest.approx(0.69, abs=0.03)
    assert ratios[1] == pytest.approx(0.77, abs=0.03)


async def test_a_zoom_keeps_the_anomalies_of_the_range_and_reads_windows_anew(page: Page) -> None:
    scored = count_calls(page, "/ai/anomalies")
    extracted = count_calls(page, "/features/extract")
    await choose(page, "PAGE04", "#anomalies-on", "#windows-on")
    await expect(page.locator("#anomalies-note")).to_contain_text("1 stretch")
    await expect(page.locator("#windows-note")).to_contain_text("19 windows")
    asked = len(scored)
    await page.click("#anomaly-zoom")
    await expect(page.locator("#zoom-out")).to_be_enabled()
    await expect(page.locator("#windows-note")).to_contain_text(re.compile(r"^[2-9] windows of 100 rows"))
    await expect(page.locator("#anomalies-note")).to_contain_text("of 65 windows")
    assert len(scored) == asked
    assert extracted[-1]["start_time"] > extracted[0]["start_time"]


async def test_a_device_that_is_watched_live_is_compared_with_one_baseline(page: Page, system: RunningSystem) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=3000)
    ingest(system, "PAGE07", "level,temperature", machine_rows(2990, begin))
    asked = count_calls(page, "/ai/anomalies")
    await choose(page, "PAGE07")
    await page.select_option("#range", "900")
    await page.check("#anomalies-on")
    async with page.expect_request(lambda request: "detector_id" in (request.post_data or "")):
        await expect(page.locator("#anomalies-note")).to_contain_text("threshold")
    fits = [body for body in asked if "detector_id" not in body]
    assert len(fits) == 1
    await expect(page.locator("#anomalies-note")).to_contain_text("threshold")


async def test_the_chart_is_saved_with_its_marks(page: Page) -> None:
    await choose(page, "PAGE04")
    plain = await saved(page, "#device-png")
    assert list((await table(page, "#device-csv"))[0]) == ["time", "level", "outlier"]
    await page.check("#anomalies-on")
    await page.check("#windows-on")
    await expect(page.locator("#anomalies-note")).to_contain_text("1 stretch")
    await expect(page.locator("#windows-note")).to_contain_text("19 windows")
    rows = await table(page, "#device-csv")
    assert list(rows[0]) == ["time", "level", "outlier", "anomaly scores", "windows"]
    assert rows[75]["windows"] == "1; 2"
    assert rows[0]["anomaly scores"] == ""
    assert float(rows[730]["anomaly scores"]) > 1
    marked = await saved(page, "#device-png")
    assert marked[:8] == b"\x89PNG\r\n\x1a\n"
    assert marked != plain


async def test_an_answer_that_nobody_waits_for_any_longer_is_given_up(page: Page) -> None:
    await choose(page, "PAGE03")
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.failure or ""))
    held = asyncio.Event()

    async def answer(route: Route) -> None:
        if not held.is_set() and (route.request.post_data_json or {})["window_size"] == 100:
            held.set()
            return
        await route.continue_()

    await page.route("**/features/extract", answer)
    await page.check("#windows-on")
    await expect(page.locator("#windows-note")).to_have_text("Reading the windows…")
    await asyncio.wait_for(held.wait(), HANG_SECONDS)
    await page.fill("#window-size", "80")
    await page.press("#window-size", "Enter")
    await expect(page.locator("#windows-note")).to_contain_text("windows of 80 rows")
    assert given_up == ["net::ERR_ABORTED"]


async def test_another_window_leaves_the_search_for_anomalies_alone(page: Page) -> None:
    scored = count_calls(page, "/ai/anomalies")
    await choose(page, "PAGE04", "#windows-on")
    await expect(page.locator("#windows-note")).to_contain_text("19 windows")
    answer = asyncio.Event()

    async def wait(route: Route) -> None:
        await answer.wait()
        await route.continue_()

    await page.route("**/ai/anomalies", wait)
    await page.check("#anomalies-on")
    await expect(page.locator("#anomalies-note")).to_have_text("Looking for anomalies…")
    await page.fill("#window-size", "200")
    await page.press("#window-size", "Enter")
    await expect(page.locator("#windows-note")).to_contain_text("9 windows of 200 rows")
    await page.locator("#device-chart canvas").focus()
    await page.keyboard.press("+")
    await expect(page.locator("#zoom-out")).to_be_enabled()
    answer.set()
    await expect(page.locator("#anomalies-note")).to_contain_text("1 stretch")
    assert len(scored) == 1


async def test_who_zooms_by_keys_goes_on_by_keys(page: Page) -> None:
    await choose(page, "PAGE06")
    note = page.locator("#device-note")
    await expect(note).to_contain_text("in buckets of")
    await page.locator("#device-chart canvas").focus()
    await page.keyboard.press("+")
    await expect(note).not_to_contain_text("in buckets of")
    await page.keyboard.press("-")
    await expect(note).to_contain_text("in buckets of")
    await expect(page.locator("#device-chart canvas")).to_be_focused()


async def test_a_mark_between_the_points_of_buckets_is_in_the_table_too(page: Page) -> None:
    texts = await page.evaluate("""async () => {
      const { textsOf } = await import('/static/chart-layers.js');
      const spans = [{ from: 12, to: 14, text: 'a' }, { from: 20, to: 25, text: 'b' }, { from: 90, to: 95, text: 'c' }];
      return textsOf({ spans }, [0, 10, 20, 30]);
    }""")
    assert texts == [[], ["a"], ["b"], []]


async def test_rows_are_found_by_the_counts_of_buckets(page: Page) -> None:
    found = await page.evaluate("""async () => {
      const { rowsOf } = await import('/static/dashboard-rows.js');
      const rows = rowsOf({ times: [0, 100, 300], counts: [100, 50, 100], interval: 100 });
      return [rows.count, ...[50, 150, 350].map(rows.rowAt), ...[50, 125, 200].map(rows.timeAt)];
    }""")
    assert found == [250, 50, 125, 200, 50, 150, 350]


async def test_values_far_away_that_are_many_are_a_state_beside_which_outliers_are_still_found(page: Page) -> None:
    places = await page.evaluate("""async () => {
      const { outliers } = await import('/static/dashboard-outliers.js');
      const value = (at, far) => (at === 150 ? 900 : at < far ? 0 : 100 + (at % 5));
      const values = (far) => Array.from({ length: 200 }, (_, at) => value(at, far));
      return [0, 2, 11, 80].map((far) => [...outliers(values(far))]);
    }""")
    assert places == [[150], [0, 1, 150], [150], [150]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_everybody_can_use_windows_and_anomalies_at_every_width(
    browser: Browser, system: RunningSystem, scheme: Any, width: int
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 850}, color_scheme=scheme)
    await open_dashboard(page, system)
    await choose(page, "PAGE04", "#windows-on", "#anomalies-on")
    await expect(page.locator("#windows-note")).to_contain_text("19 windows")
    await expect(page.locator("#anomalies-note")).to_contain_text("1 stretch")
    await page.click("#windows-list summary")
    await page.click("#anomalies-list summary")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate(content(AXE).decode())
    found = await page.evaluate("axe.run('.devices', { resultTypes: ['violations'] })")
    bad = [each for each in found["violations"] if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], each["nodes"][0]["html"]) for each in bad] == []


async def test_a_kept_detector_gives_the_numbers_that_the_page_shows(system: RunningSystem) -> None:
    path = "/api/v2/ai/anomalies"
    first: httpx.Response = ask(system, path, "POST", device_codes=["PAGE04"])
    kept = first.json()["data"]
    again = ask(system, path, "POST", device_codes=["PAGE04"], detector_id=kept["detector_id"], start_time=at(600))
    scores = {each["start_time"]: each["score"] for each in kept["devices"][0]["windows"]}
    assert all(scores[each["start_time"]] == each["score"] for each in again.json()["data"]["devices"][0]["windows"])
