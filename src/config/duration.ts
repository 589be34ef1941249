/** Durations as people write them: `500ms`, `1s`, `1.5s`, `2m`. A number without a unit is refused. */
const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds, or null when `text` is not a duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  if (match === null) return null;
  const ms = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
  return Number.isInteger(ms) ? ms : Math.round(ms);
}

/** The shortest exact spelling: 1500 is `1500ms`, 2000 is `2s`. */
export function formatDuration(ms: number): string {
  if (ms !== 0 && ms % unitMs.h === 0) return `${ms / unitMs.h}h`;
  if (ms !== 0 && ms % unitMs.m === 0) return `${ms / unitMs.m}m`;
  if (ms !== 0 && ms % unitMs.s === 0) return `${ms / unitMs.s}s`;
  return `${ms}ms`;
}
