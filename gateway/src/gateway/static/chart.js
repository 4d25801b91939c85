// A line chart of one or more series over time on a canvas. Nothing is drawn while the tab is hidden; then once.
import { drawLayers, drawTexts, spansAt, textsOf } from "./chart-layers.js";
import { downsample, runsOf } from "./chart-sampling.js";
import { csvBlob, nameOf, saveAs } from "./save.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 604800];
const [LEFT, RIGHT, TOP, BOTTOM] = [50, 10, 10, 22];
const charts = new Set();

export function repaint() {
  if (!document.hidden) for (const chart of charts) chart.draw();
}
document.addEventListener("visibilitychange", repaint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

export const number = (value) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return `${+(value / 1e9).toFixed(2)}G`;
  if (size >= 1e6) return `${+(value / 1e6).toFixed(2)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toFixed(1)}k`;
  return `${+value.toFixed(size >= 100 ? 0 : size >= 1 ? 2 : size >= 0.01 ? 3 : 5)}`;
};

const two = (value) => String(value).padStart(2, "0");
function clock(seconds, step) {
  const time = new Date(seconds * 1000);
  const day = `${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const hour = `${two(time.getHours())}:${two(time.getMinutes())}`;
  if (step >= 86400) return day;
  return step < 60 ? `${hour}:${two(time.getSeconds())}` : hour;
}

function niceTop(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((top) => top >= value * 1.0001) ?? 10 * unit;
}

export class Chart {
  // `series`: [{ name, color }], colours are names of CSS variables; `format`: a value as text; `floating`: the axis
  // need not begin at 0; `onZoom(from, to)` is told which part was chosen, (null, null) for all of it;
  // `onPoint(seconds)` which point is looked at; `onKey(event)` is asked first and returns what is then spoken.
  constructor(host, { label, series, format = number, floating = false, limit = 0, onZoom, onPoint, onKey }) {
    Object.assign(this, { host, label, series, format, floating, limit, onZoom, onPoint, onKey });
    Object.assign(this, { times: [], layers: [], gap: 0, range: null, at: null, drawn: 0 });
    this.columns = series.map(() => []);
    this.marks = series.map(() => new Set());
    this.build();
    charts.add(this);
  }

  build() {
    const { host } = this;
    host.classList.add("chart");
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.spoken = document.createElement("p");
    this.spoken.className = "sr-only";
    this.spoken.setAttribute("aria-live", "polite");
    host.append(this.canvas, this.tip, this.spoken);
    this.stop = new AbortController();
    const on = (name, act) => this.canvas.addEventListener(name, act, { signal: this.stop.signal });
    on("pointermove", (event) => this.hover(event));
    on("pointerleave", () => this.point(null));
    on("pointerdown", (event) => this.grab(event));
    on("pointerup", (event) => this.release(event));
    on("dblclick", () => this.onZoom?.(null, null));
    on("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(host);
    this.describe();
  }

  // `times` in seconds since 1970, ascending; `columns`: values of each series, null where there is none; `gap`: how
  // many seconds apart two points may be before the line breaks; `marks`: for each series the places to be marked;
  // `range`: the first and last second shown, else those of the points.
  set(times, columns, { gap = 0, marks = [], range = null } = {}) {
    this.times = times;
    this.columns = columns;
    this.gap = gap;
    this.marks = this.series.map((_, at) => marks[at] ?? new Set());
    this.range = range;
    this.marked = marks.length > 0;
    if (this.at !== null && this.at >= times.length) this.at = null;
    this.describe();
    this.draw();
  }

  // Stretches of time over the lines (chart-layers.js); they stay until others are set.
  setLayers(layers) {
    this.layers = layers;
    this.describe();
    this.draw();
  }

  destroy() {
    this.stop.abort();
    this.observer.disconnect();
    charts.delete(this);
    this.host.replaceChildren();
    this.host.classList.remove("chart");
  }

  describe() {
    const last = this.series.map(({ name }, at) => {
      const values = this.columns[at].filter((value) => value !== null && value !== undefined);
      if (!values.length) return `${name}: no data`;
      const most = values.reduce((a, b) => Math.max(a, b));
      const least = values.reduce((a, b) => Math.min(a, b));
      return `${name}: ${this.format(values.at(-1))}, from ${this.format(least)} to ${this.format(most)}`;
    });
    const over = this.layers.map(({ name, one, spans }) => `${spans.length} ${spans.length === 1 ? one : name}`);
    const all = [...last, ...over].join("; ");
    this.canvas.setAttribute("aria-label", `${this.label}. ${all}. Arrow keys read single points.`);
  }

  bounds() {
    const { times } = this;
    const from = this.range?.[0] ?? times[0] ?? 0;
    const to = this.range?.[1] ?? times.at(-1) ?? 1;
    let low = Infinity;
    let high = -Infinity;
    for (const column of this.columns) {
      for (let at = 0; at < column.length; at++) {
        const value = column[at];
        if (value === null || value === undefined || times[at] < from || times[at] > to) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) [low, high] = [0, 1];
    if (!this.floating) return { from, to: to > from ? to : from + 1, low: Math.min(0, low), high: niceTop(high) };
    const step = niceTop((high - low || Math.abs(high) || 1) / 4);
    const ends = { low: Math.floor(low / step) * step, high: Math.ceil(high / step) * step };
    if (ends.low === ends.high) ends.high += step;
    return { from, to: to > from ? to : from + 1, ...ends, step };
  }

  draw() {
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    if (document.hidden || !width || !height || !this.canvas.isConnected) return;
    this.drawn += 1;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.host);
    const color = (name) => style.getPropertyValue(name).trim() || "#888";
    const { from, to, low, high, step } = this.bounds();
    this.x = (seconds) => LEFT + ((seconds - from) / (to - from)) * (width - LEFT - RIGHT);
    this.y = (value) => height - BOTTOM - ((value - low) / (high - low)) * (height - TOP - BOTTOM);
    this.axes(pen, { width, height, from, to, low, high, step, color });
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, 0, width - LEFT - RIGHT + 1, height - BOTTOM + 1);
    pen.clip();
    const place = { x: this.x, top: TOP, bottom: height - BOTTOM, color };
    drawLayers(pen, this.layers, place);
    this.series.forEach((each, at) => this.line(pen, this.columns[at], this.marks[at], color, each.color, width));
    drawTexts(pen, this.layers, place);
    if (this.at !== null) this.cursor(pen, height, color);
    if (this.dragged) {
      pen.fillStyle = color("--accent-soft");
      pen.globalAlpha = 0.6;
      pen.fillRect(this.dragged[0], TOP, this.dragged[1] - this.dragged[0], height - TOP - BOTTOM);
    }
    pen.restore();
    if (!this.times.length) {
      pen.fillStyle = color("--muted");
      pen.textAlign = "center";
      pen.fillText("no data", width / 2, height / 2);
    }
  }

  axes(pen, { width, height, from, to, low, high, step: rise, color }) {
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = color("--muted");
    pen.strokeStyle = color("--line");
    pen.lineWidth = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const rows = rise ? Math.round((high - low) / rise) : height < 140 ? 2 : 4;
    for (let row = 0; row <= rows; row++) {
      const value = low + ((high - low) * row) / rows;
      const y = Math.round(this.y(value)) + 0.5;
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(width - RIGHT, y);
      pen.stroke();
      pen.fillText(this.format(value), LEFT - 6, y);
    }
    const wanted = (to - from) / Math.max(2, Math.floor((width - LEFT) / 90));
    const step = STEPS.find((each) => each >= wanted) ?? STEPS.at(-1) * Math.ceil(wanted / STEPS.at(-1));
    const shift = new Date(from * 1000).getTimezoneOffset() * 60;
    pen.textBaseline = "alphabetic";
    pen.textAlign = "center";
    for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) {
      const x = this.x(at);
      if (x > LEFT + 14 && x < width - 20) pen.fillText(clock(at, step), x, height - 6);
    }
  }

  line(pen, values, marks, color, name, width) {
    const limit = this.limit || Math.max(200, Math.round(width * 2));
    const runs =
      values.length > limit
        ? downsample(this.times, values, { limit, gap: this.gap, marks })
        : runsOf(this.times, values, this.gap);
    pen.strokeStyle = pen.fillStyle = color(name);
    pen.lineWidth = 1.75;
    pen.lineJoin = "round";
    for (const run of runs) {
      pen.beginPath();
      run.forEach((at, place) => pen[place ? "lineTo" : "moveTo"](this.x(this.times[at]), this.y(values[at])));
      pen.stroke();
      if (run.length === 1) this.dot(pen, run[0], values, 2);
    }
    pen.fillStyle = color("--warn");
    for (const at of marks) this.dot(pen, at, values, 3.5);
  }

  dot(pen, at, values, size) {
    pen.beginPath();
    pen.arc(this.x(this.times[at]), this.y(values[at]), size, 0, 7);
    pen.fill();
  }

  cursor(pen, height, color) {
    const x = this.x(this.times[this.at]);
    pen.strokeStyle = color("--muted");
    pen.lineWidth = 1;
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.moveTo(x, TOP);
    pen.lineTo(x, height - BOTTOM);
    pen.stroke();
    pen.setLineDash([]);
    this.series.forEach((each, at) => {
      if (this.columns[at][this.at] === null || this.columns[at][this.at] === undefined) return;
      pen.fillStyle = color(each.color);
      this.dot(pen, this.at, this.columns[at], 3.5);
    });
  }

  // --- pointing and zooming
  nearest(x) {
    let best = null;
    for (let at = 0; at < this.times.length; at++) {
      if (best === null || Math.abs(this.x(this.times[at]) - x) < Math.abs(this.x(this.times[best]) - x)) best = at;
    }
    return best;
  }

  hover(event) {
    if (!this.x || !this.times.length) return;
    const x = event.offsetX;
    if (this.grabbed !== undefined && this.onZoom) {
      this.dragged = [Math.min(this.grabbed, x), Math.max(this.grabbed, x)];
    }
    this.point(this.nearest(x));
  }

  point(at) {
    if (at === null) this.grabbed = this.dragged = undefined;
    this.at = at;
    this.tip.hidden = at === null;
    if (at !== null) {
      const rows = this.series.map(({ name }, place) => `${name}: ${this.format(this.columns[place][at])}`);
      const named = ({ one, spans }) => spansAt({ spans }, this.times[at]).map(({ text }) => `${one} ${text}`);
      const time = new Date(this.times[at] * 1000).toLocaleString();
      this.tip.textContent = [time, ...rows, ...this.layers.flatMap(named).slice(0, 4)].join("\n");
      const x = this.x(this.times[at]);
      this.tip.style.left = `${Math.max(4, Math.min(x + 10, this.host.clientWidth - this.tip.offsetWidth - 4))}px`;
      this.onPoint?.(this.times[at]);
    }
    this.draw();
  }

  grab(event) {
    this.hover(event);
    if (!this.onZoom) return;
    this.grabbed = event.offsetX;
    this.canvas.setPointerCapture(event.pointerId);
  }

  release() {
    const chosen = this.dragged;
    this.grabbed = this.dragged = undefined;
    if (!chosen || chosen[1] - chosen[0] < 8) return;
    const { from, to } = this.bounds();
    const width = this.host.clientWidth - LEFT - RIGHT;
    const seconds = (x) => from + (Math.min(Math.max(x - LEFT, 0), width) / width) * (to - from);
    this.onZoom(seconds(chosen[0]), seconds(chosen[1]));
  }

  key(event) {
    const spoken = this.onKey?.(event);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const { from, to } = this.bounds();
    const middle = this.at === null ? (from + to) / 2 : this.times[this.at];
    if (spoken) this.spoken.textContent = spoken;
    else if (step && this.times.length) {
      const next = this.at === null ? this.times.length - 1 : this.at + step;
      this.point(Math.min(Math.max(next, 0), this.times.length - 1));
      this.spoken.textContent = this.tip.textContent;
    } else if (event.key === "+" && this.onZoom) this.onZoom(middle - (to - from) / 4, middle + (to - from) / 4);
    else if (event.key === "-" && this.onZoom) this.onZoom(null, null);
    else if (event.key === "Escape") this.point(null);
    else return;
    event.preventDefault();
  }

  // --- taking along
  csv() {
    const outliers = (at) => this.series.filter((_, place) => this.marks[place].has(at)).map(({ name }) => name);
    const over = [
      ...(this.marked ? [["outlier", this.times.map((_, at) => outliers(at))]] : []),
      ...this.layers.map((layer) => [layer.name, textsOf(layer, this.times)]),
    ];
    const columns = [...this.columns, ...over.map(([, texts]) => texts.map((each) => each.join("; ")))];
    const iso = (seconds) => new Date(seconds * 1000).toISOString();
    const rows = this.times.map((time, at) => [iso(time), ...columns.map((column) => column[at])]);
    return csvBlob(["time", ...this.series.map(({ name }) => name), ...over.map(([name]) => name)], rows);
  }

  png() {
    const copy = document.createElement("canvas");
    copy.width = this.canvas.width;
    copy.height = this.canvas.height;
    const pen = copy.getContext("2d");
    pen.fillStyle = getComputedStyle(document.body).backgroundColor;
    pen.fillRect(0, 0, copy.width, copy.height);
    pen.drawImage(this.canvas, 0, 0);
    return new Promise((done) => copy.toBlob(done, "image/png"));
  }

  async save(kind) {
    saveAs(kind === "png" ? await this.png() : this.csv(), nameOf(this.label, kind));
  }
}
