/**
 * A restart with a long log: no compaction before it, one follower killed, started again, and asked until it has
 * applied what the leader had. From the start of the process, so the run-time's own start counts, in both systems.
 */
import { readFileSync } from 'node:fs';
import { putOn } from './commit.js';
import { runCount } from './load.js';
import { waitForAll, waitForApplied, type Trio } from './member.js';

export interface RestartResult {
  readonly entries: number;
  readonly ms: number;
  readonly rssMib: number;
  /** Of a member of a new cluster, before any put. */
  readonly restRssMib: number;
  /** To write them. */
  readonly loadMs: number;
}

const fillInFlight = 256;
const restartWithinMs = 120_000;

/** From the text of /proc/PID/status. */
export function rssMibOf(statusText: string): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(statusText)?.[1];
  return kib === undefined ? NaN : Number(kib) / 1024;
}

export function rssMib(pid: number): number {
  return rssMibOf(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

export async function measureRestart(trio: Trio, entries: number): Promise<RestartResult> {
  const leader = await waitForAll(trio);
  const follower = trio.members.find((member) => member !== leader);
  if (follower === undefined) throw new Error('two of three follow');
  const restRssMib = rssMib(follower.pid);
  const fromMs = performance.now();
  await runCount(entries, fillInFlight, putOn(leader));
  const loadMs = performance.now() - fromMs;
  await waitForAll(trio);
  await follower.kill();
  const target = (await leader.status())?.appliedIndex ?? 0;
  const startedAtMs = performance.now();
  follower.start();
  await waitForApplied(follower, target, restartWithinMs);
  const ms = performance.now() - startedAtMs;
  return { entries, ms, rssMib: rssMib(follower.pid), restRssMib, loadMs };
}
