// Fewer points of a series with the same picture: Largest-Triangle-Three-Buckets (Steinarsson 2013) within each run, so
// that gaps stay gaps. The first and last point of a run, its extremes and every marked point are always kept.

const there = (value) => typeof value === "number" && Number.isFinite(value);

// Runs of neighbouring points as lists of their places: broken where a value is missing, and where the next point is
// more than `gap` later (0: never).
export function runsOf(times, values, gap = 0) {
  const runs = [];
  let run = [];
  for (let at = 0; at < times.length; at++) {
    const broken = run.length && gap > 0 && times[at] - times[run.at(-1)] > gap;
    if (run.length && (broken || !there(values[at]))) {
      runs.push(run);
      run = [];
    }
    if (there(values[at])) run.push(at);
  }
  if (run.length) runs.push(run);
  return runs;
}

// About `limit` places of all runs; more where there are more runs, extremes and marks than that.
export function downsample(times, values, { limit, gap = 0, marks = new Set() }) {
  const runs = runsOf(times, values, gap);
  const count = runs.reduce((sum, run) => sum + run.length, 0);
  if (count <= limit) return runs;
  return runs.map((run) => {
    const share = Math.max(2, Math.round((limit * run.length) / count));
    const kept = new Set(largestTriangles(times, values, run, share));
    kept.add(extreme(values, run, (a, b) => a < b)).add(extreme(values, run, (a, b) => a > b));
    for (const at of run) if (marks.has(at)) kept.add(at);
    return [...kept].sort((a, b) => a - b);
  });
}

function extreme(values, run, before) {
  return run.reduce((found, at) => (before(values[at], values[found]) ? at : found), run[0]);
}

function largestTriangles(times, values, run, limit) {
  if (run.length <= limit || limit < 3) return run.length <= limit ? run : [run[0], run.at(-1)];
  const kept = [run[0]];
  const size = (run.length - 2) / (limit - 2);
  for (let bucket = 0; bucket < limit - 2; bucket++) {
    const from = Math.floor(bucket * size) + 1;
    const to = Math.floor((bucket + 1) * size) + 1;
    const next = run.slice(to, Math.min(Math.floor((bucket + 2) * size) + 1, run.length));
    const ahead = next.length ? next : [run.at(-1)];
    const meanTime = ahead.reduce((sum, at) => sum + times[at], 0) / ahead.length;
    const meanValue = ahead.reduce((sum, at) => sum + values[at], 0) / ahead.length;
    const last = kept.at(-1);
    let best = run[from];
    let largest = -1;
    for (let place = from; place < to; place++) {
      const at = run[place];
      const area = Math.abs(
        (times[last] - meanTime) * (values[at] - values[last]) - (times[last] - times[at]) * (meanValue - values[last]),
      );
      if (area > largest) [largest, best] = [area, at];
    }
    kept.push(best);
  }
  kept.push(run.at(-1));
  return kept;
}
