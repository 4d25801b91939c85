// The charts under an answer about device data, each with its figures as a table. Rows that a tool read are drawn as they are; for statistics
// and features of a range, the range's course is read from the store with the reader's own rights when the chart comes into sight.
import { node } from "./answer.js";
import { json } from "./api.js";
import { word } from "./i18n.js";
import { short, sparkline } from "./sparkline.js";

const MOST_SERIES = 4;
const BUCKETS = 160;
const MOST_ROWS = 200;

const parse = (content) => { try { return JSON.parse(content); } catch { return null; } };

// Points of the columns that hold numbers, in the order of time.
function seriesOf(device, times, columns, units) {
  const order = times.map((time, at) => [Date.parse(time), at]).filter(([time]) => Number.isFinite(time)).sort(([left], [right]) => left - right);
  return Object.entries(columns).map(([field, values]) => ({
    device, field, unit: units[field] ?? "",
    points: order.map(([time, at]) => ({ time, value: typeof values[at] === "number" ? values[at] : null })),
  })).filter(({ points }) => points.filter(({ value }) => value !== null).length > 1).slice(0, MOST_SERIES);
}

function figure({ device, field, unit, points }) {
  const made = node("figure", "chart");
  const known = points.filter(({ value }) => value !== null).map(({ value }) => value);
  const caption = document.createElement("figcaption");
  const name = `${device} · ${field}${unit ? ` (${unit})` : ""}`;
  const range = `${short(Math.min(...known))} – ${short(Math.max(...known))}${unit ? ` ${unit}` : ""}`;
  caption.append(node("strong", "", name), node("span", "", range));
  made.append(caption, sparkline(points, `${word("chart")}: ${name}, ${range}`), table(field, unit, points));
  return made;
}

// The table is made when it is opened.
function table(field, unit, points) {
  const made = node("details", "");
  made.append(node("summary", "", word("table")));
  made.addEventListener("toggle", () => {
    if (made.childElementCount > 1) return;
    const row = (kind, cells) => { const line = document.createElement("tr"); line.append(...cells.map((cell) => node(kind, "", cell))); return line; };
    const grid = document.createElement("table");
    const head = document.createElement("thead");
    const body = document.createElement("tbody");
    head.append(row("th", [word("time"), `${field}${unit ? ` (${unit})` : ""}`]));
    body.append(...points.slice(0, MOST_ROWS).map(({ time, value }) => row("td", [new Date(time).toLocaleString(document.documentElement.lang), short(value)])));
    grid.append(head, body);
    const box = node("div", "rows");
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", word("table"));
    box.append(grid);
    made.append(box);
  });
  return made;
}

function fromRows({ device_code: device, columns, rows, units = {} }) {
  if (!Array.isArray(columns) || !Array.isArray(rows) || columns[0] !== "timestamp") return null;
  const values = Object.fromEntries(columns.slice(1).map((field, at) => [field, rows.map((row) => row[at + 1])]));
  const series = seriesOf(device, rows.map((row) => row[0]), values, units);
  if (!series.length) return null;
  const box = node("div", "");
  box.append(...series.map(figure));
  return box;
}

async function readCourse({ device, fields, units, start, end }) {
  const query = new URLSearchParams({ device_code: device, start_time: start, end_time: end, format: "columns", limit: "1000" });
  for (const field of fields) query.append("field", field);
  query.set("interval", String(Math.max(1, Math.ceil((Date.parse(end) - Date.parse(start)) / 1000 / BUCKETS))));
  const { data } = await json(`/api/v2/data/query/history?${query}`);
  return seriesOf(device, data.timestamps, data.columns, units);
}

const sight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) { sight.unobserve(target); target.fill(); }
}, { rootMargin: "300px" });

function questionOf(box) {
  let before = box.closest("article")?.previousElementSibling;
  while (before && !before.classList.contains("user")) before = before.previousElementSibling;
  return before?.content ?? "";
}

// Of the fields that a tool told of, those that the question names; two where it names none.
function wanted({ fields, chosen }, asked) {
  const named = fields.filter((field) => asked.toLowerCase().includes(field.toLowerCase()));
  return chosen ? fields : named.length ? named : fields.slice(0, 2);
}

// A place that fills itself with the charts of ranges once it is seen; what can't be read leaves it empty.
function course(ranges) {
  const box = node("div", "course");
  box.fill = async () => {
    const asked = questionOf(box);
    const found = await Promise.all(ranges.map((range) => readCourse({ ...range, fields: wanted(range, asked) }).catch(() => [])));
    box.append(...found.flat().slice(0, MOST_SERIES).map(figure));
    box.dispatchEvent(new Event("grown", { bubbles: true }));
  };
  sight.observe(box);
  return box;
}

function rangesOf(result, given) {
  const devices = Array.isArray(result.devices) ? result.devices : [result];
  return devices.slice(0, MOST_SERIES).map((each) => {
    const statistics = each.statistics ?? [];
    const fields = statistics.filter(({ mean }) => typeof mean === "number").map(({ field }) => field);
    return {
      device: each.device_code,
      fields: (fields.length ? fields : given.fields ?? []).slice(0, devices.length > 1 ? 1 : MOST_SERIES),
      chosen: Boolean(given.fields?.length),
      units: Object.fromEntries(statistics.map(({ field, unit }) => [field, unit ?? ""])),
      start: each.start_time ?? given.start_time ?? each.first_window?.start_time,
      end: each.end_time ?? given.end_time ?? each.last_window?.start_time,
    };
  }).filter(({ device, fields, start, end }) => device && fields.length && Date.parse(end) > Date.parse(start));
}

// Returns the element of the charts for a tool's result, null when there is nothing to draw.
export function chartOf(tool, given, content) {
  const result = ["device_query", "device_statistics", "device_features"].includes(tool) ? parse(content) : null;
  if (!result || typeof result !== "object") return null;
  if (tool === "device_query") return fromRows(result);
  const ranges = rangesOf(result, given);
  return ranges.length ? course(ranges) : null;
}
