// Devices: the list with when each was last seen, and the series of one with zoom, gaps and marked outliers.
import { json, post } from "./api.js";
import { Chart } from "./chart.js";
import { openFor } from "./dashboard-alarms.js";
import { pointAnomaly, readAnomalies, startAnomalies, stepAnomaly } from "./dashboard-anomalies.js";
import { outliers } from "./dashboard-outliers.js";
import { element, legendOf, told } from "./dashboard-panels.js";
import { rowsOf, usualStep } from "./dashboard-rows.js";
import { offerUpload, startUpload } from "./dashboard-upload.js";
import { pointWindow, readWindows, startWindows, stepWindow } from "./dashboard-windows.js";

const $ = (id) => document.getElementById(id);
// Rows that are read as they are; a longer range comes as buckets, by mean, least and most.
const MOST_ROWS = 20_000;
const BUCKETS = 600;
const LIVE = 900;

let chart = null;
let device = null;
let page = "";
let zoomed = null;
let asked = 0;
// The range that was chosen, of which a zoom shows a part, and how many rows it has.
let whole = null;
let looked = null;
// How many answers for the layers are under way: nothing is read anew by itself meanwhile.
let marking = 0;
let layers = { anomalies: null, windows: null };

const AHEAD_MS = 300_000;

function ago(text) {
  if (!text) return "never";
  const seconds = Math.max(0, (Date.now() - Date.parse(text)) / 1000);
  // A clock that was wrong once would be "0 s ago" for years.
  if (Date.parse(text) - Date.now() > AHEAD_MS) return `in the future: ${new Date(text).toLocaleString()}`;
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([each]) => seconds >= each) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

async function listDevices(more = false) {
  const query = new URLSearchParams({ page_size: 100, search: $("device-search").value });
  if (more) query.set("page_token", page);
  const { data } = await json(`/api/v2/metadata/devices?${query}`);
  page = data.next_page_token ?? "";
  $("more-devices").hidden = !page;
  const rows = data.devices.map((each) => {
    const seen = element("small", { textContent: ago(each.last_seen_time) });
    const button = element("button", { type: "button", onclick: () => open(each) }, each.device_code, seen);
    button.setAttribute("aria-pressed", String(each.device_code === device?.device_code));
    button.dataset.code = each.device_code;
    return element("li", {}, button);
  });
  $("devices")[more ? "append" : "replaceChildren"](...rows);
  const none = element("li", { className: "muted", textContent: "There is no device." });
  if (!more && !rows.length) $("devices").append(none);
}

function open(chosen) {
  device = chosen;
  zoomed = whole = null;
  layers = { anomalies: null, windows: null };
  redraw();
  for (const button of $("devices").querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button.dataset.code === device.device_code));
  $("no-device").hidden = true;
  $("device").hidden = false;
  $("device-name").textContent = device.name || device.device_code;
  $("device-seen").textContent = `last seen ${ago(device.last_seen_time)}`;
  $("field").replaceChildren(...device.fields.map((name) => element("option", { textContent: name })));
  show();
}

const iso = (seconds) => new Date(seconds * 1000).toISOString();
const stamps = (texts) => texts.map((text) => Date.parse(text) / 1000);

async function ask(body) {
  const whole = { device_code: device.device_code, format: "columns", ...body };
  return (await post("/api/v2/data/query/history", whole)).data;
}

const series = (name) => [{ name, color: "--accent" }];
const band = (name) => [
  { name: `${name}, mean`, color: "--accent" }, { name: "most", color: "--blue" }, { name: "least", color: "--violet" },
];

async function read(field, from, to) {
  const range = { start_time: iso(from), end_time: iso(to), fields: [field] };
  const interval = Math.max(1, Math.ceil((to - from) / BUCKETS));
  const buckets = await ask({ ...range, interval, aggregate: "mean,max,min,count", limit: MOST_ROWS });
  const columns = ["mean", "max", "min", "count"].map((each) => buckets.columns[`${field}_${each}`] ?? []);
  const counts = columns.pop();
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const all = rows > MOST_ROWS ? { truncated: true } : await ask({ ...range, limit: MOST_ROWS });
  if (all.truncated) {
    const note = `${rows.toLocaleString("en")} values in buckets of ${interval} s; zoom in for single rows`;
    return { times: stamps(buckets.timestamps), columns, names: band(field), counts, interval, note };
  }
  return { times: stamps(all.timestamps), columns: [all.columns[field] ?? []], names: series(field), note: "" };
}

// The line breaks where a point is missing for more than five of the usual distances.
const gapOf = (times) => (times.length > 1 ? Math.max(5 * usualStep(times), 2) : 0);

// `again`: the same once more, so that what lies over it stays in use meanwhile.
async function show({ again = false } = {}) {
  const turn = ++asked;
  if (!again) looked = null;
  const field = $("field").value;
  if (!field) return;
  const length = Number($("range").value);
  const last = device.last_seen_time ? Date.parse(device.last_seen_time) / 1000 + 1 : Date.now() / 1000;
  const to = zoomed?.[1] ?? (length === LIVE ? Math.max(last, Date.now() / 1000 - 60) : last);
  const first = device.first_seen_time ? Date.parse(device.first_seen_time) / 1000 : to - 86400;
  const from = zoomed?.[0] ?? (length ? to - length : first);
  try {
    const found = await read(field, from, to);
    if (turn !== asked) return;
    draw(found, [from, to]);
    const rows = rowsOf(found);
    if (!zoomed || !whole) whole = { range: [from, to], rows: rows.count };
    const live = length === LIVE && !zoomed;
    looked = { device, field, from, to, rows, whole: whole.range, wholeRows: whole.rows, live };
  } catch (error) {
    if (turn === asked) $("device-note").textContent = `Not read: ${told(error)}`;
    return;
  }
  await mark({ anomalies: readAnomalies, windows: readWindows });
}

// The layers over the series: each as soon as it is there.
async function mark(read) {
  if (!looked) return;
  marking += 1;
  await Promise.all(Object.entries(read).map(async ([name, layer]) => {
    layers[name] = await layer(looked);
    redraw();
  }));
  marking -= 1;
}

const redraw = () => chart?.setLayers(Object.values(layers).filter(Boolean));

function draw({ times, columns, names, note }, range) {
  const values = columns.map((column) => column.map((value) => (typeof value === "number" ? value : null)));
  if (!chart || chart.series.length !== names.length) {
    const focused = chart?.canvas === document.activeElement;
    chart?.destroy();
    const hooks = { onZoom: zoom, onPoint: point, onKey: step };
    chart = new Chart($("device-chart"), { label: "Series of the device", series: names, floating: true, ...hooks });
    // Who zooms by keys goes on by keys.
    if (focused) chart.canvas.focus();
  }
  chart.series = names;
  $("device-legend").replaceChildren(legendOf(names));
  chart.label = `${device.device_code} ${names[0].name}`;
  const marks = values.map((column, at) => (values.length > 1 && at === 0 ? new Set() : outliers(column)));
  const count = marks.reduce((sum, each) => sum + each.size, 0);
  chart.set(times, values, { gap: gapOf(times), marks, range });
  const read = values[0].some((value) => value !== null) ? `${times.length} points` : "No number in this range";
  const parts = [read, `${count} ${count === 1 ? "outlier" : "outliers"} marked`, note, "drag in the chart to zoom"];
  $("device-note").textContent = parts.filter(Boolean).join(" · ");
  $("zoom-out").disabled = !zoomed;
}

function point(time) {
  pointAnomaly(time);
  pointWindow(time);
}

// Keys that go from window to window and from anomaly to anomaly; returns what is then spoken.
function step({ key, shiftKey }) {
  if (shiftKey && (key === "ArrowLeft" || key === "ArrowRight")) return stepWindow(key === "ArrowLeft" ? -1 : 1);
  return key === "PageUp" || key === "PageDown" ? stepAnomaly(key === "PageUp" ? -1 : 1) : "";
}

function zoom(from, to) {
  zoomed = from === null ? null : [from, to];
  show();
}

// Again what is looked at live, and when each device was last seen.
export async function refreshDevices() {
  if (page === "" && document.activeElement?.closest?.("#devices") === null) await listDevices().catch(() => {});
  if (!device || zoomed || marking || Number($("range").value) !== LIVE) return;
  await readAgain();
}

// The device that is open, as it is now: when it was last seen, fields that are new, its series.
async function readAgain() {
  const asking = device;
  const path = `/api/v2/metadata/devices/${encodeURIComponent(device.device_code)}`;
  const { data } = await json(path).catch(() => ({ data: device }));
  if (asking !== device) return;
  device = { ...device, ...data };
  $("device-seen").textContent = `last seen ${ago(device.last_seen_time)}`;
  const known = [...$("field").options].map(({ value }) => value);
  $("field").append(...device.fields.filter((name) => !known.includes(name)).map((name) => element("option", { textContent: name })));
  await show({ again: true });
}

// What was uploaded is listed, and drawn where its device is open.
async function afterUpload() {
  await find();
  if (device) await readAgain();
}

// Lists what is looked for; what went wrong stands in the list.
export async function find(more = false) {
  offerUpload();
  try {
    await listDevices(more === true);
  } catch (error) {
    $("devices").querySelector(".bad")?.remove();
    $("devices").append(element("li", { className: "bad", textContent: `Not read: ${told(error)}` }));
  }
}

export function startDevices() {
  let typing = 0;
  $("device-search").oninput = () => {
    clearTimeout(typing);
    typing = setTimeout(find, 250);
  };
  $("more-devices").onclick = () => find(true);
  $("field").onchange = () => show();
  $("device-png").onclick = () => chart?.save("png");
  $("device-csv").onclick = () => chart?.save("csv");
  startWindows({ again: () => mark({ windows: readWindows }), redraw });
  startAnomalies({ again: () => mark({ anomalies: readAnomalies }), redraw, zoom });
  startUpload(afterUpload);
  $("range").onchange = () => zoom(null, null);
  $("zoom-out").onclick = () => zoom(null, null);
  $("device-alarm").onclick = () => openFor(device, $("field").value);
}
