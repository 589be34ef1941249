/** What the benchmark prints for people: tables of text. */
import type { CommitResult, LoadSpread, RoundTrips } from './commit.js';
import type { LeaderChangeResult } from './leader-change.js';
import { short, type Spread } from './numbers.js';
import type { RestartResult } from './restart.js';

/** Columns as wide as their widest cell; the first `texts` to the left, numbers to the right. */
export function table(rows: readonly (readonly string[])[], texts = 1): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const padded = (cell: string, at: number): string =>
    at < texts ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return rows.map((row) => row.map(padded).join('  ').trimEnd()).join('\n');
}

/** `0.81 (0.79-0.90)` */
export function withEnds({ median, min, max }: Spread): string {
  return `${short(median)} (${short(min)}-${short(max)})`;
}

const loadCells = ({ perSecond, p50Ms, p99Ms }: LoadSpread): readonly string[] =>
  [perSecond, p50Ms, p99Ms].map(withEnds);

export function commitTable(results: readonly CommitResult[]): string {
  const rows: (readonly string[])[] = [['in flight', '', 'per second', 'p50 ms', 'p99 ms', 'p50, hactl/etcd']];
  for (const { inFlight, hactl, etcd, hactlInside, etcdServerMeanMs, p50Ratio } of results) {
    rows.push([String(inFlight), 'hactl', ...loadCells(hactl), `${short(p50Ratio)}x`]);
    rows.push(['', 'etcd', ...loadCells(etcd)]);
    rows.push(['', 'hactl, from inside the leader', ...loadCells(hactlInside)]);
    rows.push(['', 'etcd, inside the leader (mean)', '', withEnds(etcdServerMeanMs)]);
  }
  return table(rows, 2);
}

export function roundTripTable({ hactl, etcd }: RoundTrips): string {
  return table([
    ['the way alone', 'per second', 'p50 ms', 'p99 ms'],
    ['hactl, an echo', ...loadCells(hactl)],
    ['etcd, a local read', ...loadCells(etcd)],
  ]);
}

export function leaderTable(hactl: LeaderChangeResult, etcd: LeaderChangeResult): string {
  const row = (name: string, { kills, ms }: LeaderChangeResult): readonly string[] =>
    [name, String(kills), ...[ms.median, ms.min, ms.max].map(short)];
  return table([['new leader', 'kills', 'median ms', 'min', 'max'], row('hactl', hactl), row('etcd', etcd)]);
}

export function restartTable(hactl: RestartResult, etcd: RestartResult): string {
  const row = (name: string, result: RestartResult): readonly string[] =>
    [name, String(result.entries), ...[result.ms, result.rssMib, result.restRssMib, result.loadMs].map(short)];
  return table([
    ['restart', 'entries', 'ms', 'RSS MiB then', 'at rest', 'ms to write them'], row('hactl', hactl), row('etcd', etcd),
  ]);
}
