// Stretches of time over a chart. A layer: { name, one, kind, color, spans, chosen }: `one` and `name` are the word for
// its spans in singular and plural; `spans` [{ from, to, text, weight }] ascend by `from`, in seconds, ends included;
// `chosen` is a place or null. Kinds: "bands" over the whole height, the heaviest with their text; "lanes" of bars at the
// upper edge (spans that overlap lie below each other); "edges": a line at each span's start.
const LANE = 6;
const MOST_LANES = 4;
const MOST_TEXTS = 10;
const LEAST_WIDTH = 2;

// The spans that hold a time.
export const spansAt = ({ spans }, time) => spans.filter(({ from, to }) => from <= time && time <= to);

// The place of the span that holds a time and whose middle is nearest to it; -1 without one.
export function nearestSpan(layer, time) {
  const away = ({ from, to }) => Math.abs((from + to) / 2 - time);
  return layer.spans.indexOf(spansAt(layer, time).sort((a, b) => away(a) - away(b))[0]);
}

// Texts of spans for each point: those that lie between it and the next.
export function textsOf({ spans }, times) {
  const last = times.at(-1) + (times.at(-1) - (times.at(-2) ?? times.at(-1)));
  const within = ({ from, to }, time, next) => to >= time && (from < next || from === time);
  const found = (time, at) => spans.filter((span) => within(span, time, times[at + 1] ?? last));
  return times.map((time, at) => found(time, at).map(({ text }) => text));
}

// The lane of each span: the first in which the one before has ended.
function lanesOf(spans) {
  const ends = [];
  return spans.map(({ from, to }) => {
    const free = ends.findIndex((end) => end < from + (to - from) / 50);
    const lane = free >= 0 ? free : ends.length < MOST_LANES ? ends.length : ends.indexOf(Math.min(...ends));
    ends[lane] = to;
    return lane;
  });
}

function drawBand(pen, [left, wide], { top, bottom }) {
  pen.globalAlpha = 0.22;
  pen.fillRect(left, top, wide, bottom - top);
  pen.globalAlpha = 1;
  pen.fillRect(left, bottom - 3, wide, 3);
}

// The texts of the heaviest bands that find room beside each other, the chosen one's first; drawn after the lines.
export function drawTexts(pen, layers, { x, top, color }) {
  const taken = [];
  const heaviest = ({ spans, chosen }) => [spans[chosen] ?? [], [...spans].sort((a, b) => b.weight - a.weight)].flat();
  const bands = layers.filter(({ kind }) => kind === "bands");
  pen.textAlign = "center";
  const texts = bands.flatMap((layer) => heaviest(layer).map((span) => [span, layer.color]));
  for (const [{ from, to, text }, name] of texts) {
    if (taken.length === MOST_TEXTS) break;
    const middle = (x(from) + x(to)) / 2;
    const half = pen.measureText(text).width / 2 + 3;
    if (taken.some(([left, right]) => middle + half > left && middle - half < right)) continue;
    taken.push([middle - half, middle + half]);
    pen.fillStyle = color("--surface");
    pen.fillRect(middle - half, top + MOST_LANES * LANE, 2 * half, 14);
    pen.fillStyle = color(name);
    pen.fillText(text, middle, top + MOST_LANES * LANE + 11);
  }
}

// `x`: seconds to pixels; `top` and `bottom` of the plot; `color`: a CSS variable's value.
export function drawLayers(pen, layers, { x, top, bottom, color }) {
  for (const { kind, spans, chosen, color: name } of layers) {
    pen.fillStyle = pen.strokeStyle = color(name);
    const lanes = kind === "lanes" ? lanesOf(spans) : [];
    for (const [at, span] of spans.entries()) {
      const left = x(span.from);
      const wide = Math.max(LEAST_WIDTH, x(span.to) - left);
      if (kind === "bands") drawBand(pen, [left, wide], { top, bottom });
      if (kind === "lanes") pen.fillRect(left, top + lanes[at] * LANE, Math.max(1, wide - 1), LANE - 2);
      if (kind === "edges") pen.fillRect(left, top, 1, bottom - top);
      if (at !== chosen) continue;
      pen.globalAlpha = 0.15;
      pen.fillRect(left, top, wide, bottom - top);
      pen.globalAlpha = 1;
      pen.lineWidth = 1.5;
      pen.strokeRect(left, top, wide, bottom - top);
    }
  }
}
