// The dashboard: cards and charts by the socket's frames, panels and devices by the API.
import { forget, json, known, loginWithKey, loginWithPassword, scopes } from "./api.js";
import { Chart, number, repaint } from "./chart.js";
import { Feed } from "./dashboard-feed.js";
import { openFromLink, refreshAlarms, startAlarms } from "./dashboard-alarms.js";
import { refreshAudit, startAudit } from "./dashboard-audit.js";
import { find, refreshDevices, startDevices } from "./dashboard-devices.js";
import { element, legendOf, refreshPanels, showMachine, showRecent, told } from "./dashboard-panels.js";
import { endUpload } from "./dashboard-upload.js";
import { english } from "./i18n.js";
import { offerSingleSignOn, takeUpSignIn, whyNot } from "./sign-in.js";

const $ = (id) => document.getElementById(id);
const LIVE_SECONDS = 300;
// Without a frame for so long the figures are told to be old.
const OLD_SECONDS = 3;
const MEMBER_OLD_SECONDS = 15;
const COLUMNS = ["requests_per_second", "client_errors_per_second", "server_errors_per_second", "avg", "p95", "streams"];
const seconds = (value) => (value === null || value === undefined ? "–" : value < 1 ? `${number(value * 1000)} ms` : `${number(value)} s`);
const dollars = (value) => `$${number(value)}`;
const FIGURES = [
  { title: "Requests per second", columns: ["requests_per_second"], series: [{ name: "requests", color: "--accent" }] },
  { title: "Response time", columns: ["avg", "p95"], format: seconds, series: [{ name: "mean", color: "--accent" }, { name: "P95", color: "--blue" }] },
  { title: "Errors per second", columns: ["server_errors_per_second", "client_errors_per_second"], series: [{ name: "5xx", color: "--warn" }, { name: "4xx", color: "--amber" }] },
  { title: "Open streams", columns: ["streams"], series: [{ name: "streams", color: "--violet" }] },
  { title: "Tokens per minute", costs: ["tokens"], series: [{ name: "tokens", color: "--blue" }] },
  { title: "Cost per minute", costs: ["cost"], format: dollars, series: [{ name: "cost", color: "--amber" }] },
];

let charts = [];
let window_ = "5m";
let live = emptyPoints();
let history = null;
let costs = null;
let frame = null;
let seenAt = 0;
let timers = [];
let hole = false;
// Whether something is shown that stays when the session ends.
let entered = false;

function emptyPoints() {
  return { time: [], ...Object.fromEntries(COLUMNS.map((name) => [name, []])) };
}

// --- what comes from the socket
function take(next) {
  frame = next;
  seenAt = performance.now();
  const at = Date.parse(next.timestamp) / 1000;
  if (hole || !live.time.length) fillHole(at);
  if (at > (live.time.at(-1) ?? 0)) {
    live.time.push(at);
    for (const name of COLUMNS) live[name].push(next.rates[name]);
  }
  while (live.time.length && live.time[0] < at - LIVE_SECONDS) for (const name of ["time", ...COLUMNS]) live[name].shift();
  if (!document.hidden) render();
}

// One snapshot brings what was missed; of its points only those that are in a hole are taken.
async function fillHole(until) {
  hole = false;
  const { requests } = await json("/v1/dashboard/history?window=5m").catch(() => ({ requests: null }));
  if (!requests) return;
  const interval = requests.interval;
  const near = (time) => live.time.some((own) => Math.abs(own - time) < interval * 0.6);
  const missed = requests.time.flatMap((time, at) => (time < until - 0.5 && !near(time) ? [at] : []));
  const merged = [
    ...live.time.map((time, at) => [time, (name) => live[name][at]]),
    ...missed.map((at) => [requests.time[at], (name) => requests[name][at]]),
  ].sort((a, b) => a[0] - b[0]);
  live = emptyPoints();
  for (const [time, value] of merged) {
    live.time.push(time);
    for (const name of COLUMNS) live[name].push(value(name));
  }
  if (!document.hidden) render();
}

async function readHistory() {
  const found = await json(`/v1/dashboard/history?window=${window_}`);
  if (found.window !== window_) return;
  history = found.requests;
  costs = found.costs;
  if (!document.hidden) drawCharts();
}

// --- what is shown
function render() {
  if (!frame) return;
  const { statistics, system } = frame;
  $("avg-time").textContent = statistics.total_time.avg ?? "–";
  $("p95-time").textContent = statistics.total_time.p95 ?? "–";
  $("cache-rate").textContent = statistics.cache.hit_rate === null ? "–" : `${(statistics.cache.hit_rate * 100).toFixed(1)} %`;
  $("total-requests").textContent = statistics.summary.total_requests.toLocaleString();
  $("view").textContent = frame.view === "installation" ? "All tenants" : "Your tenant";
  showRecent(frame.recent_requests);
  showMachine(system, statistics);
  drawCharts();
}

const LENGTHS = { "5m": LIVE_SECONDS, "1h": 3600, "24h": 86400 };

function drawCharts() {
  const end = Math.max(live.time.at(-1) ?? 0, history?.time.at(-1) ?? 0);
  const range = end ? [end - LENGTHS[window_], end] : null;
  for (const [at, figure] of FIGURES.entries()) {
    if (figure.costs) {
      const times = costs?.time ?? [];
      const columns = figure.costs.map((name) => (costs?.[name] ?? []).map(Number));
      charts[at].set(...withZeros(times, columns, range), { gap: 150, range });
    } else {
      const points = window_ === "5m" ? live : history ?? emptyPoints();
      charts[at].set(points.time, figure.columns.map((name) => points[name]), { gap: window_ === "5m" ? 8 : 150, range });
    }
  }
}

// The ledger has only minutes with a call: the others are 0, and not a gap.
function withZeros(times, columns, range) {
  if (!range || !costs) return [times, columns];
  const place = new Map(times.map((time, at) => [time, at]));
  const first = Math.floor(range[0] / 60) * 60;
  const minutes = Array.from({ length: Math.max(0, Math.floor((range[1] - first) / 60)) + 1 }, (_, at) => first + at * 60);
  return [minutes, columns.map((column) => minutes.map((time) => (place.has(time) ? column[place.get(time)] : 0)))];
}

function age() {
  if (!frame || document.hidden) return;
  const old = Math.floor((performance.now() - seenAt) / 1000);
  const aged = old >= OLD_SECONDS;
  $("stale").hidden = !aged;
  $("app").classList.toggle("aged", aged);
  if (aged) {
    hole = true;
    $("stale").textContent = `No new figures for ${old} s. What is shown is that old.`;
    say("not connected", "bad");
  } else say("live", "live");
}

// Members have no frames, but alarms that are asked for every few seconds.
function memberAge() {
  const old = Math.floor((performance.now() - seenAt) / 1000);
  $("stale").hidden = old < MEMBER_OLD_SECONDS || document.hidden;
  if ($("stale").hidden) return say("");
  $("stale").textContent = `No answer for ${old} s. What is shown is that old.`;
  say("not connected", "bad");
}

function say(text, kind = "") {
  if ($("state").textContent !== text) $("state").textContent = text;
  $("state").className = `state ${kind}`;
}

function choose(chosen) {
  window_ = chosen;
  history = null;
  for (const button of document.querySelectorAll("[data-window]")) button.setAttribute("aria-pressed", String(button.dataset.window === chosen));
  drawCharts();
  readHistory().catch(() => {});
}

function build() {
  charts = FIGURES.map((figure) => {
    const host = element("div");
    const saves = ["png", "csv"].map((kind) =>
      element("button", { className: "save", type: "button", textContent: kind.toUpperCase(), ariaLabel: `${figure.title} as ${kind.toUpperCase()}`, onclick: () => chart.save(kind) }),
    );
    const header = element("header", {}, element("h2", { textContent: figure.title }), figure.series.length > 1 ? legendOf(figure.series) : "", element("span", { className: "spring" }), ...saves);
    $("charts").append(element("article", { className: "card figure" }, header, host));
    const chart = new Chart(host, { label: figure.title, series: figure.series, format: figure.format });
    return chart;
  });
}

// --- signing in and out
const SIGNED_OUT = "You have been signed out. Sign in to go on.";
const feed = new Feed({
  onFrame: take,
  onState: (state) => { if (state === "lost") hole = true; },
  onRefused: (error) => showLogin(error.status === 403 ? "These credentials are no administrator's." : SIGNED_OUT),
});

function showLogin(why = "") {
  for (const timer of timers) clearInterval(timer);
  timers = [];
  feed.stop();
  forget();
  $("app").hidden = !entered;
  $("login").hidden = false;
  $("logout").hidden = true;
  $("login-error").hidden = !why;
  $("login-error").textContent = why;
  offerSingleSignOn($("single-sign-on"), english, withoutPassword);
  say("");
}

function withoutPassword() {
  for (const part of document.querySelectorAll(".by-password")) part.hidden = true;
}

// Members see the devices and their alarms; the figures are the administrators'.
const READS = "telemetry:read";

async function showMember() {
  entered = true;
  $("app").classList.add("member");
  $("view").textContent = "";
  seenAt = performance.now();
  const refresh = [[5000, refreshDevices], [5000, async () => { if (await refreshAlarms()) seenAt = performance.now(); }]];
  timers = refresh.map(([every, act]) => setInterval(whenShown(() => act()), every));
  timers.push(setInterval(memberAge, 1000));
  await Promise.allSettled([find(), refreshAlarms(true)]);
  openFromLink();
}

const isOperator = () => frame?.view === "installation";
// Members have no socket that tells that the session has ended: any answer may.
const ended = (error) => { if (error?.status === 401) showLogin(SIGNED_OUT); };
const whenShown = (act) => () => { if (!document.hidden) Promise.resolve(act()).catch(ended); };

async function showApp() {
  $("login").hidden = true;
  $("app").hidden = $("logout").hidden = false;
  if (!charts.length) { build(); startDevices(); startAlarms(); startAudit(); }
  $("app").classList.remove("member");
  try {
    take(await json("/v1/dashboard/realtime"));
    entered = true;
  } catch (error) {
    if (error.status === 403 && scopes().includes(READS)) return showMember();
    if (error.status === 401 || error.status === 403) return showLogin(error.status === 403 ? "These credentials are no administrator's." : "Sign in to go on.");
  }
  feed.start();
  const refresh = [[1000, age], [15_000, readHistory], [10_000, () => refreshPanels(isOperator())], [5000, refreshDevices], [5000, refreshAlarms], [10_000, refreshAudit]];
  timers = refresh.map(([every, act]) => setInterval(whenShown(() => act()), every));
  await Promise.allSettled([readHistory(), refreshPanels(isOperator()), find(), refreshAlarms(true), refreshAudit()]);
  openFromLink();
}

$("login").onsubmit = async (event) => {
  event.preventDefault();
  $("login-error").hidden = true;
  try {
    await ($("key").value ? loginWithKey($("key").value.trim()) : loginWithPassword($("username").value, $("password").value));
  } catch (error) {
    $("login-error").textContent = told(error);
    $("login-error").hidden = false;
    return;
  }
  $("key").value = $("password").value = "";
  await showApp();
};
$("logout").onclick = () => { endUpload(); frame = null; entered = false; live = emptyPoints(); showLogin(); };
$("theme").onclick = () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("penstock.theme", root.dataset.theme);
  repaint();
};
document.addEventListener("visibilitychange", () => { if (!document.hidden) { age(); render(); } });
for (const button of document.querySelectorAll("[data-window]")) button.onclick = () => choose(button.dataset.window);
const theme = localStorage.getItem("penstock.theme");
if (theme) document.documentElement.dataset.theme = theme;
const failed = await takeUpSignIn();
// Only who is not signed in is told: an address must not sign anybody out.
if (known()) showApp();
else showLogin(whyNot(failed, english));
