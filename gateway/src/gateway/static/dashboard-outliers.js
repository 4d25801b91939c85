// Outliers of a series: values far from all others, by robust figures, so that they themselves move no limit.

const there = (value) => typeof value === "number" && Number.isFinite(value);
// Where more of the values are far from the median they are a state of the machine (off, warm) and no outliers.
const MOST_SHARE = 0.05;

// Places of values that lie further than `factor` robust standard deviations (1.4826 × the median of the distances to
// the median) from the median; where more than one in twenty does, from the range of the middle nineteen in twenty.
// None where more than half of the values are the same.
export function outliers(values, factor = 6) {
  const sorted = values.filter(there).sort((a, b) => a - b);
  if (sorted.length < 8) return new Set();
  const rank = (share) => sorted[Math.floor(share * (sorted.length - 1))];
  const middle = sorted[Math.floor(sorted.length / 2)];
  const distances = sorted.map((value) => Math.abs(value - middle)).sort((a, b) => a - b);
  const limit = factor * 1.4826 * distances[Math.floor(distances.length / 2)];
  if (!limit) return new Set();
  const isFar = (value, low, high) => there(value) && (value < low - limit || value > high + limit);
  const beyond = (low, high) => values.flatMap((value, at) => (isFar(value, low, high) ? [at] : []));
  const found = beyond(middle, middle);
  const many = found.length > Math.max(1, MOST_SHARE * sorted.length);
  return new Set(many ? beyond(rank(MOST_SHARE / 2), rank(1 - MOST_SHARE / 2)) : found);
}
