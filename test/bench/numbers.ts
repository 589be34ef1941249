/** What is said of a list of measurements: percentiles of one run, and the median of several runs with its spread. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Nearest rank: the smallest measured value that at least `part` of all values do not exceed. */
export function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new Error('no values, so no percentile');
  const sorted = Float64Array.from(values).sort();
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(part * sorted.length)));
  return sorted[rank - 1] ?? NaN;
}

/** The median of an even number of values is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('no values, so no median');
  const sorted = Float64Array.from(values).sort();
  const at = (index: number): number => sorted[index] ?? NaN;
  const middle = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}

/** Three significant digits, without an exponent: `0.312`, `1.28`, `14.3`, `5120`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Number(value.toPrecision(3)).toString();
}
