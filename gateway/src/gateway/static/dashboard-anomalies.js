// The anomalies of a device over its series: stretches of windows unlike the baseline, with their score and the fields
// that make them strange.
import { json } from "./api.js";
import { nearestSpan } from "./chart-layers.js";
import { number } from "./chart.js";
import { chooser, element, fill, moment, showChosen, told } from "./dashboard-panels.js";
import { SECONDS, lengthText } from "./dashboard-windows.js";
import { csvBlob, nameOf, saveAs } from "./save.js";

const $ = (id) => document.getElementById(id);
// So many stretches are drawn and listed; of more the strongest.
const MOST = 200;
const SHOWN_WITH_ONE = [
  "anomaly-previous", "anomaly-next", "anomaly-zoom", "anomaly-fields", "anomalies-list", "anomalies-csv",
];
const ROWS = 30;
// A longer range gets larger windows, so that an answer has about twice as many at most (they overlap by half).
const MOST_STEPS = 5000;

let layer = null;
let found = null;
let detector = { key: "", id: "" };
let asked = 0;
let pending = {};
let running = new AbortController();
let hooks = { redraw() {}, zoom() {} };

const iso = (seconds) => new Date(seconds * 1000).toISOString();
const share = (contribution) => `${Math.round(contribution * 100)} %`;
const count = (whole) => whole.toLocaleString("en");

// The fields with a share of the score that shows.
function because(fields) {
  const large = fields.filter(({ contribution }) => contribution >= 0.01).slice(0, 4);
  return large.map(({ name, contribution }) => `${name} ${share(contribution)}`).join(", ");
}

// In rows, or as a length of time; left empty it is chosen by the length of the range.
function windowSize(wholeRows) {
  const [chosen, long] = [Number($("anomaly-size").value), SECONDS[$("anomaly-unit").value]];
  if (!chosen) return Math.max(ROWS, Math.ceil(wholeRows / MOST_STEPS));
  return long ? lengthText(chosen * long) : chosen;
}

function settings({ device, wholeRows }) {
  const made = {
    device_codes: [device.device_code], method: $("anomaly-method").value, window_size: windowSize(wholeRows),
  };
  if ($("anomaly-baseline").value !== "chosen") return made;
  const [from, to] = ["anomaly-from", "anomaly-to"].map((id) => $(id).value);
  if (!from || !to) throw new Error("Choose from when to when all was well.");
  return { ...made, baseline: { start_time: new Date(from).toISOString(), end_time: new Date(to).toISOString() } };
}

// The answer for what is chosen: the one that is here or under way, else a new one.
function detect(context) {
  const chosen = settings(context);
  const range = { start_time: iso(context.whole[0]), end_time: iso(context.whole[1]) };
  const key = JSON.stringify([chosen, context.live ? "live" : range]);
  if (found?.key === key && !context.live) return found;
  if (pending.key !== key || context.live) {
    running.abort();
    running = new AbortController();
    const forget = () => { if (pending.answer === answer) pending = {}; };
    const answer = score(key, chosen, range, running.signal).finally(forget);
    pending = { key, answer };
  }
  return pending.answer;
}

// With a detector's id it is not fitted again: what is watched live is compared with the same baseline all the time.
async function score(key, chosen, range, signal) {
  if (detector.key !== key) $("anomalies-note").textContent = "Looking for anomalies…";
  const { device_codes } = chosen;
  const known = detector.key === key ? { device_codes, detector_id: detector.id } : chosen;
  const options = (body) => ({ method: "POST", body: JSON.stringify({ ...body, ...range }), signal });
  const send = (body) => json("/api/v2/ai/anomalies", options(body));
  const { data } = await send(known).catch((error) => {
    if (known === chosen || error.status !== 404) throw error;
    return send(chosen);
  });
  detector = { key, id: data.detector_id };
  return { key, ...data.devices[0] };
}

// Anomalous windows that overlap are one stretch; its score and its fields are those of its strangest window.
function stretchesOf({ windows }) {
  const made = [];
  for (const { start_time: start, end_time: end, score, fields, anomalous } of windows) {
    if (!anomalous) continue;
    const [from, to] = [Date.parse(start) / 1000, Date.parse(end) / 1000];
    const last = made.at(-1);
    if (!last || from > last.to) made.push({ from, to, score, fields });
    else Object.assign(last, { to: Math.max(last.to, to) }, score > last.score ? { score, fields } : {});
  }
  return made;
}

function layerOf(answer) {
  const all = stretchesOf(answer);
  const least = all.map(({ score }) => score).sort((a, b) => b - a)[MOST - 1] ?? -Infinity;
  const shown = all.filter(({ score }) => score >= least).slice(0, MOST);
  const spans = shown.map((each) => ({ ...each, text: number(each.score), weight: each.score }));
  // The one that was chosen stays, at first it is the strongest.
  const before = layer?.spans[layer.chosen]?.from;
  const strongest = Math.max(...spans.map(({ score }) => score));
  const at = spans.findIndex(({ from, score }) => (before === undefined ? score === strongest : from >= before));
  const chosen = spans.length ? Math.max(0, at) : null;
  const drawn = { name: "anomaly scores", one: "anomaly score", kind: "bands", color: "--warn", spans, chosen };
  return { ...drawn, all: all.length };
}

function summary({ windows, method, window_size: size, windows_left_out: left = [], threshold, baseline }) {
  const strange = windows.filter(({ anomalous }) => anomalous).length;
  const some = layer.all > layer.spans.length ? `, the ${layer.spans.length} strongest are shown` : "";
  const stretches = `in ${count(layer.all)} ${layer.all === 1 ? "stretch" : "stretches"}${some}`;
  const what = strange ? `${count(strange)} of ${count(windows.length)} windows are unlike the baseline, ${stretches}`
    : `None of ${count(windows.length)} windows is unlike the baseline`;
  const [from, to] = [baseline.start_time, baseline.end_time].map((text) => moment(Date.parse(text) / 1000));
  const each = typeof size === "number" ? `${size} rows` : size;
  const without = left.map(({ windows: some, reason }) => ` · ${count(some)} left out, as ${reason}`).join("");
  const how = `${method}, windows of ${each}, threshold ${number(threshold)}${without}`;
  return `${what} · ${how} · baseline: ${count(baseline.row_count)} rows from ${from} to ${to}`;
}

// Asks for the anomalies of the range that was chosen, zoomed or not; null without them.
export async function readAnomalies(context) {
  const turn = ++asked;
  $("anomalies-panel").hidden = !$("anomalies-on").checked;
  $("anomaly-times").hidden = $("anomaly-baseline").value !== "chosen";
  if (!$("anomalies-on").checked) return (layer = null);
  try {
    const answer = await detect(context);
    if (turn !== asked) return layer;
    if (answer === found && layer) return layer;
    layer = layerOf(answer);
    found = { ...answer, device: context.device.device_code };
    $("anomalies-note").textContent = summary(answer);
  } catch (error) {
    if (turn !== asked) return layer;
    layer = found = null;
    $("anomalies-note").textContent = `No anomalies: ${told(error)}`;
  }
  show();
  list();
  return layer;
}

const heading = (at) => {
  const { from, to, score } = layer.spans[at];
  const scored = `score ${number(score)}, threshold ${number(found.threshold)}`;
  return `Anomaly ${at + 1} of ${layer.spans.length}, from ${moment(from)} to ${moment(to)}: ${scored}`;
};

function show() {
  if (!showChosen("anomaly", layer, heading, SHOWN_WITH_ONE)) return;
  const rows = layer.spans[layer.chosen].fields.map(({ name, contribution }) => {
    const meter = element("meter", { min: 0, max: 1, value: contribution, ariaLabel: `Share of ${name}` });
    return [name, element("td", { className: "num", textContent: share(contribution) }), element("td", {}, meter)];
  });
  fill($("anomaly-fields"), ["Field", "Share of the score", ""], rows);
}

function list() {
  const rows = (layer?.spans ?? []).map(({ from, to, score, fields }, at) => {
    const look = element("td", {}, chooser("Anomaly", String(at + 1), () => choose(at)));
    const scored = element("td", { className: "num", textContent: number(score) });
    return [look, moment(from), moment(to), scored, because(fields)];
  });
  fill($("anomalies-table"), ["Anomaly", "From", "To", "Score", "Because of"], rows);
}

// Chooses an anomaly by its place; returns what is said of it.
function choose(at) {
  if (!layer?.spans.length) return "";
  const next = Math.min(Math.max(at, 0), layer.spans.length - 1);
  if (next !== layer.chosen) {
    layer.chosen = next;
    show();
    hooks.redraw();
  }
  return `${heading(next)}, because of ${because(layer.spans[next].fields)}`;
}

export const stepAnomaly = (by) => choose((layer?.chosen ?? 0) + by);

export function pointAnomaly(time) {
  const at = layer ? nearestSpan(layer, time) : -1;
  if (at >= 0) choose(at);
}

function zoomIn() {
  const { from, to } = layer.spans[layer.chosen];
  const around = Math.max(10, (to - from) * 2);
  hooks.zoom(from - around, to + around);
}

function save() {
  const names = layer.spans[0].fields.map(({ name }) => name).sort();
  const rows = layer.spans.map(({ from, to, score, fields }) => {
    const shares = Object.fromEntries(fields.map(({ name, contribution }) => [name, contribution]));
    return [iso(from), iso(to), score, found.threshold, ...names.map((name) => shares[name])];
  });
  const heads = ["start_time", "end_time", "score", "threshold", ...names.map((name) => `share_${name}`)];
  saveAs(csvBlob(heads, rows), nameOf(`${found.device} anomalies`, "csv"));
}

// `again` reads anew, `redraw` draws what is chosen, `zoom(from, to)` shows a part of the range.
export function startAnomalies({ again, redraw, zoom }) {
  hooks = { redraw, zoom };
  const choices = ["method", "size", "unit", "baseline", "from", "to"].map((name) => `anomaly-${name}`);
  for (const id of ["anomalies-on", ...choices]) $(id).onchange = again;
  $("anomaly-previous").onclick = () => stepAnomaly(-1);
  $("anomaly-next").onclick = () => stepAnomaly(1);
  $("anomaly-zoom").onclick = zoomIn;
  $("anomalies-csv").onclick = save;
}
