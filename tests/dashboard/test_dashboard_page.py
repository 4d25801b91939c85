"""The dashboard in a browser: cards and charts that live, age, mend their holes, and can be used by everybody.

Skipped where there is no Chromium; `make test-clients` installs it as root.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from penstock_testkit.servers.process import free_port
from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = Path(__file__).parent / "axe" / "axe.min.js"

# A page as others have written it: four ids and one chart of the last 30 points.
OTHERS_PAGE = """
<div id="avg-time"></div><div id="p95-time"></div><div id="cache-rate"></div><div id="total-requests"></div>
<svg id="chart"></svg>
<script>
  const points = [];
  const ws = new WebSocket('SOCKET');
  ws.onmessage = (event) => {
    const data = JSON.parse(event.data);
    document.getElementById('avg-time').textContent = data.statistics.total_time.avg;
    document.getElementById('p95-time').textContent = data.statistics.total_time.p95;
    document.getElementById('cache-rate').textContent = data.statistics.cache.hit_rate;
    document.getElementById('total-requests').textContent = data.statistics.summary.total_requests;
    points.push([new Date(data.timestamp).getTime(), parseFloat(data.statistics.total_time.avg)]);
    if (points.length > 30) points.shift();
    const svg = document.getElementById('chart');
    svg.replaceChildren(...points.map(() => document.createElementNS('http://www.w3.org/2000/svg', 'circle')));
  };
</script>
"""

# Property test of down-sampling, run where the code runs. Returns what went wrong first.
SAMPLING = """async (cases) => {
  const { downsample, runsOf } = await import('/static/chart-sampling.js');
  const { outliers } = await import('/static/dashboard-outliers.js');
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let number = 0; number < cases; number++) {
    const times = [], values = [];
    let time = 0;
    const length = Math.floor(random() * 3000);
    for (let at = 0; at < length; at++) {
      time += random() < 0.01 ? 500 : 0.1 + random() * 2;
      times.push(time);
      const odd = random();
      values.push(odd < 0.02 ? null : odd < 0.025 ? NaN : odd < 0.03 ? 1e6 * random() : Math.sin(at / 50) + random());
    }
    const marks = outliers(values), limit = 3 + Math.floor(random() * 300), gap = random() < 0.5 ? 0 : 60;
    const before = runsOf(times, values, gap), after = downsample(times, values, { limit, gap, marks });
    const fail = (why) => ({ why, number, length, limit, gap });
    if (after.length !== before.length) return fail('a gap was closed or made');
    for (const [place, run] of after.entries()) {
      const full = new Set(before[place]);
      if (!run.every((at) => full.has(at) && Number.isFinite(values[at]))) return fail('a point that was not there');
      if (run.some((at, n) => n && at <= run[n - 1])) return fail('out of order');
      if (run[0] !== before[place][0] || run.at(-1) !== before[place].at(-1)) return fail('an end is missing');
      const shown = new Set(run.map((at) => values[at]));
      const all = before[place].map((at) => values[at]);
      if (!shown.has(Math.max(...all)) || !shown.has(Math.min(...all))) return fail('an extreme is missing');
      if (before[place].some((at) => marks.has(at) && !run.includes(at))) return fail('a marked point is missing');
    }
    const most = limit + after.length * 6 + marks.size;
    if (after.reduce((sum, run) => sum + run.length, 0) > most) return fail('too many points');
  }
  return null;
}"""


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, system: RunningSystem) -> AsyncGenerator[Page]:
    """The dashboard, signed in; no message of the console and no request to another host is let pass."""
    opened = await browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    opened.on("request", lambda request: said.append(request.url) if not is_own(request.url, system) else None)
    await open_dashboard(opened, system)
    yield opened
    # A page that stays open goes on asking, and those of a whole file are more than a browser loads another one beside.
    await opened.close()
    assert said == []


@asynccontextmanager
async def serve_page(text: str) -> AsyncGenerator[str]:
    """Serve one page from an origin of its own, as a page of somebody else's would be."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/"
    await runner.cleanup()


def content(path: Path | str) -> bytes:
    """Return what a file holds."""
    return Path(path).read_bytes()


def is_own(url: str, system: RunningSystem) -> bool:
    return url.startswith((system.url, system.url.replace("http", "ws"), "blob:", "data:"))


async def open_dashboard(page: Page, system: RunningSystem) -> None:
    await page.goto(f"{system.url}/dashboard")
    await page.fill("#key", system.key)
    await page.press("#key", "Enter")
    await expect(page.locator("#state")).to_have_text("live")


def ask(system: RunningSystem, path: str, method: str = "GET", **body: Any) -> httpx.Response:
    options: dict[str, Any] = body if "content" in body else {"json": body} if body else {}
    headers = {"authorization": f"Bearer {system.key}"}
    return httpx.request(method, system.url + path, headers=headers, timeout=HANG_SECONDS, verify=False, **options)


async def test_a_page_that_reads_the_old_fields_runs_unchanged(browser: Browser, system: RunningSystem) -> None:
    ticket = ask(system, "/v1/dashboard/ticket", "POST").json()["ticket"]
    address = f"{system.url.replace('http', 'ws')}/ws/dashboard?ticket={ticket}"
    page = await browser.new_page()
    async with serve_page(OTHERS_PAGE.replace("SOCKET", address)) as url:
        await page.goto(url)
        await expect(page.locator("#avg-time")).to_have_text(re.compile(r"^\d+\.\d{3}s$"))
        await expect(page.locator("#p95-time")).to_have_text(re.compile(r"^\d+\.\d{3}s$"))
        await expect(page.locator("#total-requests")).to_have_text(re.compile(r"^[1-9]\d*$"))
        await expect(page.locator("#chart circle")).to_have_count(3)


async def test_the_cards_and_charts_show_what_the_system_does(page: Page, system: RunningSystem) -> None:
    total = page.locator("#total-requests")
    await expect(total).to_have_text(re.compile(r"\d"))
    ask(system, "/api/v1/nothing")
    await expect(page.locator("#recent")).to_contain_text("404")
    await expect(page.locator("#avg-time")).to_have_text(re.compile(r"^\d+\.\d{3}s$"))
    label = page.get_by_role("img", name=re.compile(r"^Requests per second\. requests: [\d.]+, from"))
    await expect(label).to_have_count(1)
    await expect(page.locator("#charts canvas")).to_have_count(6)
    await page.get_by_role("button", name="24 hours").click()
    await expect(page.get_by_role("button", name="24 hours")).to_have_attribute("aria-pressed", "true")


async def test_who_may_not_read_telemetry_is_told_that_it_is_for_administrators(
    browser: Browser, system: RunningSystem
) -> None:
    made = ask(system, "/api/v1/keys", "POST", name="m", scopes=["chat"]).json()
    page = await browser.new_page()
    await page.goto(f"{system.url}/dashboard")
    await page.fill("#key", made["key"])
    await page.press("#key", "Enter")
    await expect(page.locator("#login-error")).to_have_text("These credentials are no administrator's.")
    await expect(page.locator("#app")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_everybody_can_use_it_at_every_width(
    browser: Browser, system: RunningSystem, scheme: Any, width: int
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 850}, color_scheme=scheme)
    await open_dashboard(page, system)
    await expect(page.locator("#recent tbody tr")).not_to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate(content(AXE).decode())
    found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    bad = [each for each in found["violations"] if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], each["nodes"][0]["html"]) for each in bad] == []


async def test_the_switch_turns_light_into_dark_and_is_remembered(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    before = await page.evaluate(ground)
    await page.click("#theme")
    after = await page.evaluate(ground)
    assert before != after
    await page.reload()
    assert await page.evaluate(ground) == after


async def test_figures_that_are_old_are_told_to_be_and_a_snapshot_closes_the_hole(
    browser: Browser, system: RunningSystem
) -> None:
    page = await browser.new_page()
    sockets: list[WebSocketRoute] = []
    silent = asyncio.Event()

    def pass_on(ws: WebSocketRoute) -> None:
        server = ws.connect_to_server()
        server.on_message(lambda message: None if silent.is_set() else ws.send(message))
        sockets.append(ws)

    await page.route_web_socket("**/ws/dashboard*", pass_on)
    await open_dashboard(page, system)
    assert len(sockets) == 1
    silent.set()
    await expect(page.locator("#stale")).to_contain_text("No new figures for 3 s")
    await expect(page.locator("#stale")).to_contain_text("No new figures for 8 s")
    async with page.expect_request(lambda request: "history?window=5m" in request.url):
        silent.clear()
    await expect(page.locator("#stale")).to_be_hidden()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Requests per second as CSV").click()
    rows = content(await (await download.value).path()).decode().splitlines()[1:]
    times = [row.partition(",")[0] for row in rows]
    assert times == sorted(set(times))


async def test_csv_that_the_page_saves_has_no_cell_that_a_spreadsheet_would_carry_out(page: Page) -> None:
    saved = await page.evaluate(
        """async () => {
          const { csvOf } = await import("/static/save.js");
          return csvOf(["time", "=cmd|'/C calc'!A0", "a,b", "\uff1dx"], [["2026-01-01T00:00:00Z", -1.5, "-1.5", "@x"]]);
        }"""
    )
    assert saved.splitlines() == ["time,'=cmd|'/C calc'!A0,\"a,b\",'\uff1dx", "2026-01-01T00:00:00Z,-1.5,-1.5,'@x"]


async def test_a_lost_socket_is_opened_again_with_a_new_ticket_and_a_refusal_ends_it(
    browser: Browser, system: RunningSystem
) -> None:
    page = await browser.new_page()
    sockets: list[WebSocketRoute] = []
    addresses: list[str] = []

    def pass_on(ws: WebSocketRoute) -> None:
        ws.connect_to_server()
        addresses.append(ws.url)
        sockets.append(ws)

    await page.route_web_socket("**/ws/dashboard*", pass_on)
    await open_dashboard(page, system)
    await sockets[0].close()
    async with page.expect_request(lambda request: request.url.endswith("/ticket")):
        pass
    async with asyncio.timeout(HANG_SECONDS):
        while len(addresses) < 2:  # noqa: ASYNC110 - what happens in the browser has no event here
            await asyncio.sleep(0.05)
    assert addresses[0] != addresses[1]
    refusal: dict[str, Any] = {"status": 401, "body": "{}", "content_type": "application/json"}
    await page.route("**/v1/dashboard/ticket", lambda route: route.fulfill(**refusal))
    await sockets[1].close()
    await expect(page.locator("#login-error")).to_contain_text("signed out")
    await expect(page.locator("#app")).to_be_visible()
    assert len(addresses) == 2


async def test_waits_double_up_to_half_a_minute_and_differ(page: Page) -> None:
    waits = await page.evaluate("""async () => {
      const { wait } = await import('/static/dashboard-feed.js');
      return [0, 1, 5, 500].map((misses) => [wait(misses, () => 0), wait(misses, () => 1)]);
    }""")
    assert waits == [[500, 1000], [1000, 2000], [15000, 30000], [15000, 30000]]


async def test_fewer_points_keep_gaps_ends_extremes_and_outliers(page: Page) -> None:
    assert await page.evaluate(SAMPLING, 150) is None


async def test_a_chart_leaks_nothing_over_an_hour_of_frames(page: Page) -> None:
    grown = await page.evaluate("""async () => {
      const { Chart } = await import('/static/chart.js');
      const host = document.createElement('div');
      document.getElementById('charts').append(host);
      const frames = async (chart, from, count) => {
        for (let at = from; at < from + count; at++) {
          const times = Array.from({ length: 300 }, (_, n) => at + n), values = times.map(Math.sin);
          chart.set(at % 7 ? times : [], [at % 7 ? values : []], { gap: 8 });
          if (at % 50 === 0) await new Promise((done) => setTimeout(done));
        }
      };
      let chart = new Chart(host, { label: 'leak', series: [{ name: 'a', color: '--accent' }] });
      await frames(chart, 0, 300);
      gc();
      const before = performance.memory.usedJSHeapSize;
      await frames(chart, 300, 3600);
      for (let made = 0; made < 100; made++) {
        chart.destroy();
        chart = new Chart(host, { label: 'leak', series: [{ name: 'a', color: '--accent' }] });
      }
      chart.destroy();
      const left = host.querySelectorAll('*').length;
      host.remove();
      gc();
      return [performance.memory.usedJSHeapSize - before, left];
    }""")
    assert grown[0] <= 5_000_000
    assert grown[1] == 0


async def test_a_hidden_tab_draws_nothing_and_catches_up_with_one_drawing(page: Page) -> None:
    drawn = await page.evaluate("""async () => {
      const { Chart } = await import('/static/chart.js');
      const host = document.createElement('div');
      document.getElementById('charts').append(host);
      const chart = new Chart(host, { label: 'hidden', series: [{ name: 'a', color: '--accent' }] });
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      let hidden = true;
      Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
      const before = chart.drawn;
      for (let at = 0; at < 50; at++) chart.set([at, at + 1], [[1, 2]]);
      const meanwhile = chart.drawn - before;
      hidden = false;
      document.dispatchEvent(new Event('visibilitychange'));
      const after = chart.drawn - before;
      delete document.hidden;
      chart.destroy();
      host.remove();
      return [meanwhile, after];
    }""")
    assert drawn == [0, 1]


async def test_a_chart_is_taken_along_as_picture_and_as_table(page: Page) -> None:
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Response time as PNG").click()
    assert content(await (await download.value).path())[:8] == b"\x89PNG\r\n\x1a\n"
    async with page.expect_download() as table:
        await page.get_by_role("button", name="Response time as CSV").click()
    saved = await table.value
    assert saved.suggested_filename == "response-time.csv"
    assert content(await saved.path()).decode().splitlines()[0] == "time,mean,P95"


async def test_a_device_is_shown_with_its_gap_its_outlier_and_a_zoom(page: Page, system: RunningSystem) -> None:
    minutes = [at for at in range(120) if not 60 <= at < 80]
    rows = [
        {"timestamp": f"2026-11-21T{8 + at // 60:02}:{at % 60:02}:00Z", "current": 900 if at == 30 else 100 + at % 3}
        for at in minutes
    ]
    body = {"device_code": "PAGE01", "model_code": "page", "rows": rows}
    assert ask(system, "/api/v2/data/ingest?create=true", "POST", **body).status_code == 200
    await page.fill("#device-search", "PAGE01")
    await page.locator("#devices button", has_text="PAGE01").click()
    await expect(page.locator("#device-note")).to_contain_text("100 points · 1 outlier marked")
    canvas = page.locator("#device-chart canvas")
    await canvas.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator("#device-chart .tip")).to_contain_text("current: 102")
    await page.select_option("#range", "0")
    await expect(page.locator("#device-note")).to_contain_text("100 points")
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 60, box["y"] + 80)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80, steps=5)
    await page.mouse.up()
    await expect(page.locator("#zoom-out")).to_be_enabled()
    await expect(page.locator("#device-note")).not_to_contain_text("100 points")
    await page.click("#zoom-out")
    await expect(page.locator("#device-note")).to_contain_text("100 points")


async def test_many_rows_are_drawn_as_buckets_of_one_answer(page: Page, system: RunningSystem) -> None:
    begin = datetime(2026, 11, 21, tzinfo=UTC)
    rows = "".join(f"{(begin + timedelta(seconds=at)).isoformat()},{at % 7}\n" for at in range(21_000))
    path = "/api/v2/data/ingest?format=csv&create=true&device_code=PAGE02&model_code=page2"
    assert ask(system, path, "POST", content=f"timestamp,level\n{rows}").status_code == 200
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "query/history" in request.url else None)
    await page.fill("#device-search", "PAGE02")
    await page.locator("#devices button", has_text="PAGE02").click()
    await expect(page.locator("#device-note")).to_contain_text("21,000 values in buckets of 144 s")
    await expect(page.locator("#device-legend")).to_contain_text("level, mean")
    assert len(asked) == 1


async def test_the_page_lets_nothing_foreign_in(system: RunningSystem) -> None:
    answer = ask(system, "/dashboard")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)
    assert "style=" not in answer.text
