"""A file of readings, uploaded in a browser: how far it is, what became of its rows, and that it can be ended.

Skipped where there is no Chromium, as the other tests of the dashboard.
"""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from penstock_testkit.servers.process import free_port
from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.dashboard.test_dashboard_page import AXE, ask, content, open_dashboard, page

__all__ = ["page"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = 300_000
BEGIN = 1_760_000_000
# Notes each length that the bar has had.
WATCHED = """() => {
  window.lengths = [];
  const bar = document.getElementById('upload-bar');
  new MutationObserver(() => window.lengths.push(bar.getAttribute('value'))).observe(bar, { attributes: true });
}"""
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    """A file of many rows, one second apart."""
    made = tmp_path / "readings.csv"
    rows = (f"{BEGIN + row},{row % 97},{row % 89}" for row in range(ROWS))
    made.write_text("timestamp,level,heat\n" + "\n".join(rows))
    return made


async def upload(page: Page, files: Any, *, device: str = "", column: str = "", create: bool = True) -> None:
    if not await page.locator("#upload-form").is_visible():
        await page.click("#upload summary")
    await page.set_input_files("#upload-file", files)
    await page.fill("#upload-device", device)
    await page.fill("#upload-column", column)
    await page.set_checked("#upload-create", create)
    await page.click("#upload-send")


async def slow_down(page: Page, rate: int) -> None:
    """Let the page send so many bytes a second."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}
    await devtools.send("Network.emulateNetworkConditions", conditions)


def named(name: str, text: str | bytes) -> dict[str, Any]:
    """A file by name and content."""
    return {"name": name, "mimeType": "", "buffer": text if isinstance(text, bytes) else text.encode()}


def stored(system: RunningSystem, code: str) -> int:
    body = {"device_code": code, "interval": 86_400_000, "aggregate": "count", "fields": ["level"]}
    rows = ask(system, "/api/v2/data/query/history", "POST", **body).json()["data"]["rows"]
    return sum(int(row["level"]) for row in rows)


async def test_a_long_file_is_followed_while_it_is_sent_and_all_its_rows_are_stored(
    page: Page, system: RunningSystem, readings: Path
) -> None:
    await page.evaluate(WATCHED)
    # What is read anew by itself rests, so that the new device is listed by the upload.
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    await slow_down(page, 4_000_000)
    await upload(page, readings, device="UP01")
    await expect(page.locator("#upload-note")).to_have_text(
        re.compile(r"^300,000 rows of UP01 stored, 0 rejected, in (\d+|less than 1) s\.$")
    )
    lengths = await page.evaluate("window.lengths")
    sent = [float(each) for each in lengths if each]
    assert any(0 < each < 1 for each in sent)
    assert sent == sorted(sent)
    assert lengths[-1] is None, "how many rows are to come is not known"
    await expect(page.locator("#upload-run")).to_be_hidden()
    await expect(page.locator("#devices button", has_text="UP01")).to_be_visible()
    assert stored(system, "UP01") == ROWS


async def test_nothing_is_stored_of_a_file_that_is_cancelled_while_it_is_sent(
    page: Page, system: RunningSystem, readings: Path
) -> None:
    await slow_down(page, 50_000)
    await upload(page, readings, device="UP07")
    await expect(page.locator("#upload-figures")).to_contain_text("MB sent")
    await page.click("#upload-cancel")
    await expect(page.locator("#upload-note")).to_contain_text("Cancelled.")
    assert ask(system, "/api/v2/metadata/devices/UP07").status_code == 404


async def test_the_chart_of_the_device_that_is_open_is_drawn_anew_with_what_was_uploaded(page: Page) -> None:
    await upload(page, named("first.csv", f"timestamp,level\n{BEGIN},1\n{BEGIN + 9},2\n"), device="UP20")
    await expect(page.locator("#upload-note")).to_contain_text("2 rows of UP20 stored")
    await page.fill("#device-search", "UP20")
    await page.locator("#devices button", has_text="UP20").click()
    await page.select_option("#range", "0")
    await expect(page.locator("#device-note")).to_contain_text("2 points")
    # What is read anew by itself rests.
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    more = f"timestamp,level,heat\n{BEGIN + 18},3,4\n{BEGIN + 27},4,5\n{BEGIN + 36},5,6\n"
    await upload(page, named("more.csv", more), device="UP20")
    await expect(page.locator("#device-note")).to_contain_text("5 points")
    await expect(page.locator("#field option")).to_have_text(["level", "heat"])


async def test_rows_that_are_refused_are_told_with_their_lines(page: Page, system: RunningSystem) -> None:
    bad = "".join(f"nonsense,{row}\n" for row in range(12))
    await upload(page, named("some.csv", f"timestamp,level\n{BEGIN},1\n{bad}{BEGIN + 9},2\n"), device="UP02")
    await expect(page.locator("#upload-note")).to_contain_text("2 rows of UP02 stored, 12 rejected")
    told = page.locator("#upload-errors li")
    await expect(told.first).to_contain_text(re.compile(r"^line 3: .*nonsense"))
    await expect(told.nth(10)).to_have_text("and 2 rows more")
    assert stored(system, "UP02") == 2


async def test_a_file_that_is_refused_as_a_whole_says_why(page: Page) -> None:
    error = page.locator("#upload-error")
    await upload(page, named("bad.csv", "timestamp,level\n<b>x</b>,1\n"), device="UP03")
    await expect(error).to_contain_text("Not stored: none of the 1 rows can be stored; line 2: ")
    await upload(page, named("bad.parquet", "no parquet at all"), device="UP03")
    await expect(error).to_contain_text(re.compile("^Not stored: .*[Pp]arquet"))
    await upload(page, named("good.csv", f"timestamp,level\n{BEGIN},1\n"), device="UP03", create=False)
    await expect(error).to_contain_text(re.compile("^Not stored: .*UP03"))
    await upload(page, named("good.csv", f"timestamp,level\n{BEGIN},1\n"))
    await expect(error).to_contain_text("Not stored: no device_code: name the device")
    await upload(page, named("photo.png", "x"), device="UP03")
    await expect(error).to_contain_text("What photo.png holds is told by its ending")
    await upload(page, named("good.csv", f"timestamp,level\n{BEGIN},1\n"), device="UP03")
    await expect(page.locator("#upload-note")).to_contain_text("1 row of UP03 stored, 0 rejected")
    await expect(error).to_be_hidden()


async def test_a_packed_file_may_name_its_devices(page: Page, system: RunningSystem) -> None:
    rows = [{"device_code": f"UP1{row % 2}", "timestamp": BEGIN + row, "level": row} for row in range(10)]
    packed = gzip.compress("\n".join(map(json.dumps, rows)).encode())
    await upload(page, named("Plant.NDJSON.gz", packed))
    await expect(page.locator("#upload-note")).to_contain_text("10 rows of 2 devices stored")
    await upload(
        page, named("plant.csv", f"machine,timestamp,level\nUP12,{BEGIN},1\nUP13,{BEGIN},1\n"), column="machine"
    )
    await expect(page.locator("#upload-note")).to_contain_text("2 rows of 2 devices stored")
    assert [stored(system, code) for code in ("UP10", "UP11", "UP12", "UP13")] == [5, 5, 1, 1]


@asynccontextmanager
async def pass_on(system: RunningSystem, ingest: Answer) -> AsyncGenerator[str]:
    """Serve the system from an address of its own where `ingest` answers uploads."""

    async def forward(request: web.Request) -> web.StreamResponse:
        kept = {name: value for name, value in request.headers.items() if name in {"Authorization", "Content-Type"}}
        whole = await request.read()
        async with session.request(request.method, system.url + request.path_qs, headers=kept, data=whole) as answer:
            types = {"content-type": answer.headers.get("content-type", "")}
            return web.Response(status=answer.status, body=await answer.read(), headers=types)

    app = web.Application()
    app.router.add_post("/api/v2/data/ingest", ingest)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, handler_cancellation=True)
    async with aiohttp.ClientSession() as session:
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
        await runner.cleanup()


async def open_as_member(browser: Browser, system: RunningSystem, url: str, *scopes: str) -> Page:
    key = ask(system, "/api/v1/keys", "POST", name="member", scopes=["telemetry:read", *scopes]).json()["key"]
    opened = await browser.new_page()
    await opened.goto(f"{url}/dashboard")
    await opened.fill("#key", key)
    await opened.press("#key", "Enter")
    await expect(opened.locator("#devices button")).not_to_have_count(0)
    return opened


async def line(answer: web.StreamResponse, **told: Any) -> None:
    await answer.write(json.dumps(told).encode() + b"\n")


async def test_rows_are_counted_while_they_are_read_until_the_load_is_cancelled(
    browser: Browser, system: RunningSystem
) -> None:
    seen, ended = asyncio.Event(), asyncio.Event()

    async def ingest(request: web.Request) -> web.StreamResponse:
        await request.read()
        answer = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await answer.prepare(request)
        counts = {"received_bytes": 9, "rows_rejected": 3}
        await line(answer, progress={"stage": "reading", "rows_accepted": 120_000, **counts})
        await seen.wait()
        await line(answer, progress={"stage": "storing", "rows_accepted": 250_000, **counts})
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return answer

    async with pass_on(system, ingest) as url:
        page = await open_as_member(browser, system, url, "telemetry:write")
        await upload(page, named("a.csv", f"timestamp,level\n{BEGIN},1\n"), device="UP04")
        figures, note = page.locator("#upload-figures"), page.locator("#upload-note")
        await expect(figures).to_contain_text(re.compile(r"^120,000 rows read, 3 rejected · \d+ s$"))
        await expect(note).to_have_text("Reading the rows…")
        await expect(page.get_by_role("progressbar", name="Upload of the file")).to_be_visible()
        await expect(page.locator("#upload-send")).to_be_disabled()
        seen.set()
        await expect(note).to_have_text("Storing the rows…")
        await expect(figures).to_contain_text("250,000 rows read, 3 rejected")
        await page.click("#upload-cancel")
        await asyncio.wait_for(ended.wait(), HANG_SECONDS)
        await expect(note).to_contain_text("Cancelled.")
        await expect(page.locator("#upload-error")).to_be_hidden()
        await expect(page.locator("#upload-send")).to_be_enabled()
        await expect(page.locator("#upload-cancel")).to_be_hidden()
        await page.close()


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ({"error": {"status": 422, "detail": "none of the rows can be stored"}}, "none of the rows can be stored"),
        ({"progress": {"stage": "receiving"}}, "The load ended without a result."),
    ],
)
async def test_an_answer_that_ends_with_a_problem_or_breaks_off_is_no_success(
    browser: Browser, system: RunningSystem, last: dict[str, Any], told: str
) -> None:
    async def ingest(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(text=json.dumps(last) + "\n", content_type="application/x-ndjson")

    async with pass_on(system, ingest) as url:
        page = await open_as_member(browser, system, url, "telemetry:write")
        await upload(page, named("a.csv", f"timestamp,level\n{BEGIN},1\n"), device="UP05")
        await expect(page.locator("#upload-error")).to_have_text(f"Not stored: {told}")
        await page.close()


async def test_who_may_only_read_sees_no_form(browser: Browser, system: RunningSystem) -> None:
    page = await open_as_member(browser, system, system.url)
    await expect(page.locator("#upload")).to_be_hidden()
    await page.click("#logout")
    await page.fill("#key", system.key)
    await page.press("#key", "Enter")
    await expect(page.locator("#upload")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_form_fits_on_a_phone_and_everybody_can_use_it(
    browser: Browser, system: RunningSystem, scheme: Any
) -> None:
    phone = await browser.new_page(viewport={"width": 390, "height": 850}, color_scheme=scheme)
    await open_dashboard(phone, system)
    await upload(phone, named("bad.csv", f"timestamp,level\n{BEGIN},1\n{'x' * 200},1\n"), device="UP06")
    await expect(phone.locator("#upload-errors li")).to_have_count(1)
    await phone.evaluate("document.getElementById('upload-run').hidden = false")
    assert await phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await phone.evaluate(content(AXE).decode())
    found = await phone.evaluate("axe.run('#upload', { resultTypes: ['violations'] })")
    bad = [each for each in found["violations"] if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], each["nodes"][0]["html"]) for each in bad] == []


async def test_who_signs_out_ends_the_load_and_leaves_nothing_in_the_form(
    page: Page, system: RunningSystem, readings: Path
) -> None:
    await slow_down(page, 50_000)
    await upload(page, readings, device="UP08")
    await expect(page.locator("#upload-figures")).to_contain_text("MB sent")
    await page.click("#logout")
    await page.fill("#key", system.key)
    await page.press("#key", "Enter")
    await expect(page.locator("#upload-send")).to_be_enabled()
    await expect(page.locator("#upload-run")).to_be_hidden()
    await expect(page.locator("#upload-device")).to_have_value("")
    await expect(page.locator("#upload-note")).to_have_text("")
    assert ask(system, "/api/v2/metadata/devices/UP08").status_code == 404


async def test_a_gateway_that_is_not_reached_is_told_apart_from_a_file_that_is_gone(page: Page, readings: Path) -> None:
    error = page.locator("#upload-error")
    await page.route("**/data/ingest*", lambda route: route.abort())
    await upload(page, readings, device="UP09")
    await expect(error).to_have_text("Not stored: The gateway is not reached.")
    await page.unroute("**/data/ingest*")
    await asyncio.to_thread(readings.unlink)
    await page.click("#upload-send")
    await expect(error).to_contain_text("Not stored: The file can't be read: it has changed since it was chosen")
