// A small line chart as SVG: one series over time, with its lowest and highest value, gaps left open.
import { runsOf } from "./chart-sampling.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 150, 78, 24, 12];

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export const short = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString());

function paths(points, x, y) {
  const runs = runsOf(points.map(({ time }) => time), points.map(({ value }) => value));
  // A lone value is a dot: a line of no length with round ends.
  return runs.map((run) => `M${run.map((at) => `${x(points[at].time).toFixed(1)} ${y(points[at].value).toFixed(1)}`).join("L")}${run.length === 1 ? "h0.01" : ""}`).join("");
}

// `points`: [{time: milliseconds, value: number or null}], at least one with a value. `label` says what a reader of the screen hears.
export function sparkline(points, label) {
  const known = points.filter(({ value }) => value !== null).map(({ value }) => value);
  let low = Math.min(...known);
  let high = Math.max(...known);
  const [from, to] = [points[0].time, points.at(-1).time];
  const x = (time) => LEFT + (to === from ? 0.5 : (time - from) / (to - from)) * (WIDTH - LEFT - 10);
  const [bottom, top] = [low, high];
  if (low === high) { low -= Math.abs(low) * 0.05 || 1; high += Math.abs(high) * 0.05 || 1; }
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
  const made = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "sparkline" });
  for (const value of bottom === top ? [bottom] : [bottom, top]) {
    made.append(shape("line", { x1: LEFT, x2: WIDTH - 10, y1: y(value), y2: y(value), class: "grid" }));
    made.append(shape("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  const day = to - from > 86_400_000 * 1.5;
  const clock = (time) => new Date(time).toLocaleString(document.documentElement.lang, day ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" } : { hour: "2-digit", minute: "2-digit" });
  made.append(shape("text", { x: LEFT, y: HEIGHT - 5 }, clock(from)), shape("text", { x: WIDTH - 10, y: HEIGHT - 5, "text-anchor": "end" }, clock(to)));
  made.append(shape("path", { d: paths(points, x, y), class: "line" }));
  return made;
}
