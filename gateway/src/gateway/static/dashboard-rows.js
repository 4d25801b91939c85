// The rows of a range, counted: which row is at a time, and the other way round. Exact where the rows were read one by
// one, else by the counts of buckets, rows within a bucket evenly apart.

export function rowsOf({ times, counts = null, interval = 0 }) {
  return counts ? byBuckets(times, counts, interval) : byRows(times);
}

// The place of the first entry that is not before `value`, of a list that ascends.
function lowerBound(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The usual distance of neighbours, in seconds; 0 where there are none.
export function usualStep(times) {
  const steps = times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b);
  return steps.length ? steps[Math.floor(steps.length / 2)] : 0;
}

function byRows(times) {
  return {
    count: times.length,
    usual: usualStep(times),
    rowAt: (time) => lowerBound(times, time),
    timeAt: (row) => times[Math.min(Math.max(Math.round(row), 0), times.length - 1)],
  };
}

function byBuckets(times, counts, interval) {
  const before = [0];
  for (const count of counts) before.push(before.at(-1) + count);
  const full = counts.filter((count) => count > 0).sort((a, b) => a - b);
  return {
    interval,
    count: before.at(-1),
    usual: full.length ? interval / full[Math.floor(full.length / 2)] : 0,
    rowAt: (time) => {
      const bucket = Math.max(0, lowerBound(times, time + 1e-6) - 1);
      return before[bucket] + counts[bucket] * Math.min(1, (time - times[bucket]) / interval);
    },
    timeAt: (row) => {
      const bucket = Math.min(Math.max(0, lowerBound(before, row + 1e-6) - 1), times.length - 1);
      return times[bucket] + interval * (counts[bucket] ? (row - before[bucket]) / counts[bucket] : 0);
    },
  };
}
