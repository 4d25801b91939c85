// The windows of an extraction over a device's series: where they lie, and the features of the one that is looked at.
import { json } from "./api.js";
import { nearestSpan } from "./chart-layers.js";
import { number } from "./chart.js";
import { chooser, element, figure, fill, lasting, moment, showChosen, told } from "./dashboard-panels.js";
import { csvBlob, nameOf, saveAs } from "./save.js";

const $ = (id) => document.getElementById(id);
// So many are drawn and listed; of more the first.
const MOST = 200;
const SHOWN_WITH_ONE = ["window-previous", "window-next", "window-features", "windows-list", "windows-csv"];
export const SECONDS = { rows: 0, seconds: 1, minutes: 60, hours: 3600 };

let layer = null;
let shown = null;
let asked = 0;
let changed = () => {};
let unit = "rows";
let running = new AbortController();

const count = (whole) => whole.toLocaleString("en");
const cell = (value) => element("td", { className: "num", textContent: figure(value) });
const value = (id) => Number($(id).value);
const iso = (seconds) => new Date(seconds * 1000).toISOString();

// A length of time as the API takes it, of seconds to the millisecond.
export const lengthText = (seconds) => `${Number(seconds.toFixed(3))}s`;

// Size and step, in rows or in seconds (`timed`), as they are asked for. Throws Error with what would be right.
function chosenPlan() {
  const [size, step] = ["window-size", "window-step"].map(value);
  return SECONDS[unit] ? timedPlan(size, step) : rowsPlan(Math.round(size), Math.round(step));
}

function rowsPlan(size, step) {
  if (!(size >= 1)) throw new Error("A window has at least one row.");
  if (!(step >= 1 && step <= size)) throw new Error(`A step has 1 to the window's ${size} rows, not ${step}.`);
  return { size, step, timed: false };
}

function timedPlan(size, step) {
  const [long, apart] = [size, step].map((each) => Number((each * SECONDS[unit]).toFixed(3)));
  if (!(long > 0)) throw new Error("A window lasts at least a millisecond.");
  if (!(apart > 0 && apart <= long)) throw new Error(`A step lasts some time, at most the window's ${lasting(long)}.`);
  return { size: long, step: apart, timed: true };
}

// The range that the windows that are drawn need: all of it, or as far as the last of the first.
function neededEnd(rows, { size, step, timed }, from, to) {
  const needed = size + (MOST - 1) * step;
  if (timed) return Math.min(to, Math.ceil(from / step) * step + needed);
  return needed >= rows.count ? to : Math.min(to, rows.timeAt(needed) + Math.max(rows.usual, rows.interval ?? 0));
}

async function extract({ device, field, from, to, rows }, plan) {
  const body = {
    device_code: device.device_code, fields: [field], start_time: iso(from),
    end_time: iso(neededEnd(rows, plan, from, to)),
    window_size: plan.size, step: plan.step, normalize_method: "none",
  };
  if (plan.timed) Object.assign(body, { window_size: lengthText(plan.size), step: lengthText(plan.step) });
  if ($("window-gaps").checked && rows.usual) body.max_gap = rows.usual * 5;
  // What was asked for before is not waited for any longer, here or there.
  running.abort();
  running = new AbortController();
  const options = { method: "POST", body: JSON.stringify(body), signal: running.signal };
  return (await json("/api/v2/ai/features/extract", options)).data;
}

// How many windows there are at most where only the first are drawn.
function countOf({ rows, from, to }, { size, step, timed }) {
  const all = timed ? to - from : rows.count;
  return Math.floor((all - size) / step) + 1;
}

function layerOf(context, { size, step, timed }, data) {
  const { rows, field } = context;
  const names = data.feature_names.map((name) => (name.startsWith(`${field}_`) ? name.slice(field.length + 1) : name));
  const spans = data.timestamps.slice(0, MOST).map((text, at) => {
    const from = Date.parse(text) / 1000;
    const to = timed ? from + size : Math.max(from, rows.timeAt(rows.rowAt(from) + size - 1));
    return { from, to, text: String(at + 1), features: data.features[at] };
  });
  const left = data.metadata.windows_left_out ?? [];
  const all = spans.length < MOST ? spans.length : Math.max(spans.length, countOf(context, { size, step, timed }));
  const chosen = spans.length ? Math.min(layer?.chosen ?? 0, spans.length - 1) : null;
  const drawn = { name: "windows", one: "window", kind: $("window-kind").value, color: "--ink", spans, chosen };
  return { ...drawn, names, size, step, timed, left, all };
}

const inTime = ({ size, step }) => `windows of ${lasting(size)}, a new one every ${lasting(step)}`;

function inRows({ size, step }, { usual }) {
  const long = usual ? ` (${lasting(size * usual)})` : "";
  return `windows of ${count(size)} rows${long}, a new one every ${count(step)} rows`;
}

function summary(drawn, rows) {
  const { spans, all, left, timed } = drawn;
  const each = timed ? inTime(drawn) : inRows(drawn, rows);
  const without = left.map(({ windows, reason }) => `; ${count(windows)} left out, as ${reason}`).join("");
  if (spans.length >= all) return `${spans.length} ${each}${without}`;
  const rest = "zoom in or take a longer step for the others";
  return `The first ${spans.length} of about ${count(all)} ${each}; ${rest}${without}`;
}

// Asks for the windows of what the chart shows; null without them.
export async function readWindows(context) {
  const turn = ++asked;
  shown = context;
  $("windows-panel").hidden = !$("windows-on").checked;
  if (!$("windows-on").checked) return (layer = null);
  if (!context.live) $("windows-note").textContent = "Reading the windows…";
  try {
    const plan = chosenPlan();
    const made = layerOf(context, plan, await extract(context, plan));
    if (turn !== asked) return layer;
    layer = made;
    $("windows-note").textContent = summary(layer, context.rows);
  } catch (error) {
    if (turn !== asked) return layer;
    layer = null;
    $("windows-note").textContent = `No windows: ${told(error)}`;
  }
  show();
  if (layer && $("windows-list").open) list();
  return layer;
}

const heading = (at) => `Window ${at + 1} of ${layer.spans.length}, from ${moment(layer.spans[at].from)}`;

function show() {
  if (!showChosen("window", layer, heading, SHOWN_WITH_ONE)) return;
  const { features } = layer.spans[layer.chosen];
  fill($("window-features"), ["Feature", shown.field], layer.names.map((name, at) => [name, cell(features[at])]));
}

// The table of all windows is made when it is opened.
function list() {
  const rows = layer.spans.map(({ from, text, features }, at) => {
    return [element("td", {}, chooser("Window", text, () => choose(at))), moment(from), ...features.map(cell)];
  });
  fill($("windows-table"), ["Window", "From", ...layer.names], rows);
}

// Chooses a window by its place; returns what is said of it.
function choose(at) {
  if (!layer?.spans.length) return "";
  const next = Math.min(Math.max(at, 0), layer.spans.length - 1);
  if (next !== layer.chosen) {
    layer.chosen = next;
    show();
    changed();
  }
  const { features } = layer.spans[next];
  return [heading(next), ...layer.names.map((name, place) => `${name} ${figure(features[place])}`)].join(", ");
}

export const stepWindow = (by) => choose((layer?.chosen ?? 0) + by);

export function pointWindow(time) {
  const at = layer ? nearestSpan(layer, time) : -1;
  if (at >= 0) choose(at);
}

function save() {
  const rows = layer.spans.map(({ from, text, features }) => [text, iso(from), layer.size, ...features]);
  const features = layer.names.map((name) => `${shown.field}_${name}`);
  const heads = ["window", "start_time", layer.timed ? "seconds" : "rows", ...features];
  saveAs(csvBlob(heads, rows), nameOf(`${shown.device.device_code} ${shown.field} windows`, "csv"));
}

// Step and overlap say the same: who changes one changes the other; another size keeps the overlap.
function pair(event) {
  const [size, step, overlap] = ["window-size", "window-step", "window-overlap"].map(value);
  if (event.target.id !== "window-step") $("window-step").value = Number((size * (1 - overlap / 100)).toPrecision(6));
  else if (size > 0) $("window-overlap").value = Number((100 * (1 - step / size)).toPrecision(4));
}

// Another unit tells size and step of windows that are as long, as far as the usual distance of rows tells it.
function convert() {
  const seconds = (name) => SECONDS[name] || shown.rows.usual;
  const told = (figure) => Number(((figure * seconds(unit)) / seconds($("window-unit").value)).toPrecision(6));
  if (shown?.rows.usual) for (const id of ["window-size", "window-step"]) $(id).value = told(value(id));
  unit = $("window-unit").value;
}

// `again` reads anew, `redraw` draws what is chosen.
export function startWindows({ again, redraw }) {
  changed = redraw;
  for (const id of ["windows-on", "window-kind", "window-gaps"]) $(id).onchange = again;
  $("window-unit").onchange = () => { convert(); again(); };
  const paired = (event) => { pair(event); again(); };
  for (const id of ["window-size", "window-step", "window-overlap"]) $(id).onchange = paired;
  $("window-previous").onclick = () => stepWindow(-1);
  $("window-next").onclick = () => stepWindow(1);
  $("windows-list").ontoggle = () => { if ($("windows-list").open && layer) list(); };
  $("windows-csv").onclick = save;
}
