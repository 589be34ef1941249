/** Spans of time as people read them. */

/** `now`, `12s`, `5m`, `3h`, `9d`: one unit is enough to tell how long ago something was. */
export function roughSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

export function ago(iso: string, nowMs: number): string {
  return `${roughSpan(nowMs - Date.parse(iso))} ago`;
}

/** `35ms`, `1.25s`, `2m 5s`. */
export function exactSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)}s`;
  return `${Math.floor(ms / 60_000)}m ${Math.round((ms % 60_000) / 1000)}s`;
}
