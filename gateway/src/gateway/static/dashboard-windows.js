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
const SECONDS = { rows: 0, seconds: 1, minutes: 60, hours: 3600 };

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

// Size and step in rows, as they are asked for. Throws Error with what would be right.
function chosenPlan({ usual }) {
  const long = SECONDS[unit];
  if (long && !usual) throw new Error("Too few rows to tell how far apart they are; choose the size in rows.");
  const inRows = (size) => Math.round(long ? (size * long) / usual : size);
  const [size, step] = [inRows(value("window-size")), inRows(value("window-step"))];
  const apart = long ? `; rows are ${number(usual)} s apart` : "";
  if (!(size >= 1)) throw new Error(`A window has at least one row${apart}.`);
  if (!(step >= 1 && step <= size)) throw new Error(`A step has 1 to the window's ${size} rows, not ${step}${apart}.`);
  return { size, step };
}

// The range that the windows that are drawn need: all of it, or as far as the last of the first.
function neededEnd(rows, { size, step }, to) {
  const needed = size + (MOST - 1) * step;
  return needed >= rows.count ? to : Math.min(to, rows.timeAt(needed) + Math.max(rows.usual, rows.interval ?? 0));
}

async function extract({ device, field, from, to, rows }, plan) {
  const body = {
    device_code: device.device_code, start_time: iso(from), end_time: iso(neededEnd(rows, plan, to)), fields: [field],
    window_size: plan.size, overlap: 1 - plan.step / plan.size, normalize_method: "none",
  };
  if ($("window-gaps").checked && rows.usual) body.max_gap = rows.usual * 5;
  // What was asked for before is not waited for any longer, here or there.
  running.abort();
  running = new AbortController();
  const options = { method: "POST", body: JSON.stringify(body), signal: running.signal };
  return (await json("/api/v2/ai/features/extract", options)).data;
}

function layerOf({ rows, field }, { size, step }, data) {
  const names = data.feature_names.map((name) => (name.startsWith(`${field}_`) ? name.slice(field.length + 1) : name));
  const spans = data.timestamps.slice(0, MOST).map((text, at) => {
    const from = Date.parse(text) / 1000;
    const to = Math.max(from, rows.timeAt(rows.rowAt(from) + size - 1));
    return { from, to, text: String(at + 1), features: data.features[at] };
  });
  const all = Math.max(spans.length, Math.floor((rows.count - size) / step) + 1);
  const chosen = spans.length ? Math.min(layer?.chosen ?? 0, spans.length - 1) : null;
  const drawn = { name: "windows", one: "window", kind: $("window-kind").value, color: "--ink", spans, chosen };
  return { ...drawn, names, size, step, all };
}

function summary({ spans, all, size, step }, { usual }) {
  const long = usual ? ` (${lasting(size * usual)})` : "";
  const each = `windows of ${count(size)} rows${long}, a new one every ${count(step)} rows`;
  if (spans.length >= all) return `${spans.length} ${each}`;
  return `The first ${spans.length} of about ${count(all)} ${each}; zoom in or take a longer step for the others`;
}

// Asks for the windows of what the chart shows; null without them.
export async function readWindows(context) {
  const turn = ++asked;
  shown = context;
  $("windows-panel").hidden = !$("windows-on").checked;
  if (!$("windows-on").checked) return (layer = null);
  if (!context.live) $("windows-note").textContent = "Reading the windows…";
  try {
    const plan = chosenPlan(context.rows);
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
  const heads = ["window", "start_time", "rows", ...layer.names.map((name) => `${shown.field}_${name}`)];
  saveAs(csvBlob(heads, rows), nameOf(`${shown.device.device_code} ${shown.field} windows`, "csv"));
}

// Step and overlap say the same: who changes one changes the other; another size keeps the overlap.
function pair(event) {
  const [size, step, overlap] = ["window-size", "window-step", "window-overlap"].map(value);
  if (event.target.id !== "window-step") $("window-step").value = Number((size * (1 - overlap / 100)).toPrecision(6));
  else if (size > 0) $("window-overlap").value = Number((100 * (1 - step / size)).toPrecision(4));
}

// Another unit tells size and step of the same windows.
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
