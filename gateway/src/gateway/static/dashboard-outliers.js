// Outliers of a series: values far from all others, by robust figures, so that they themselves move no limit.

const there = (value) => typeof value === "number" && Number.isFinite(value);

// Places of values that lie further than `factor` robust standard deviations (1.4826 × the median of the distances to
// the median) from the median. None where more than half of the values are the same.
export function outliers(values, factor = 6) {
  const sorted = values.filter(there).sort((a, b) => a - b);
  if (sorted.length < 8) return new Set();
  const middle = sorted[Math.floor(sorted.length / 2)];
  const distances = sorted.map((value) => Math.abs(value - middle)).sort((a, b) => a - b);
  const deviation = 1.4826 * distances[Math.floor(distances.length / 2)];
  if (!deviation) return new Set();
  const far = (value) => there(value) && Math.abs(value - middle) > factor * deviation;
  return new Set(values.flatMap((value, at) => (far(value) ? [at] : [])));
}
