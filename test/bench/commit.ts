/**
 * Commit latency and throughput. What is compared: one client, in this process, on one kept connection over loopback
 * to the leader of each system, so many puts in flight; an answer comes when the entry is durable on a majority and
 * applied at the leader. Beside it, for each system, without its client: hactl from inside the leader's process, etcd
 * by its own count of the time that it spent on the puts of the same runs.
 */
import { measureFdatasync } from './disk.js';
import type { EtcdMember, EtcdTrio } from './etcd-trio.js';
import type { HactlTrio } from './hactl-trio.js';
import { keyOf, runLoad, valueOf, type LoadPlan, type LoadResult } from './load.js';
import { waitForAll, waitForLeader, type Member } from './member.js';
import { spreadOf, type Spread } from './numbers.js';
import { valueBytes, type BenchPlan } from './plan.js';

export interface LoadSpread {
  readonly perSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
}

export interface CommitResult {
  readonly inFlight: number;
  readonly hactl: LoadSpread;
  readonly etcd: LoadSpread;
  readonly hactlInside: LoadSpread;
  /** Mean of the leader's own time per put. */
  readonly etcdServerMeanMs: Spread;
  /** hactl's median latency over etcd's: below 1, hactl is faster. */
  readonly p50Ratio: number;
}

export interface RoundTrips {
  readonly hactl: LoadSpread;
  readonly etcd: LoadSpread;
}

const putWithinMs = 10_000;
const value = valueOf(valueBytes);

export const putOn = (member: Member) => (n: number): Promise<void> => member.put(keyOf(n), value, putWithinMs);

const roundTripOf = (member: Member) => (): Promise<void> => member.roundTrip();

function loadSpread(results: readonly LoadResult[]): LoadSpread {
  return {
    perSecond: spreadOf(results.map(({ perSecond }) => perSecond)),
    p50Ms: spreadOf(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: spreadOf(results.map(({ p99Ms }) => p99Ms)),
  };
}

export async function measureRoundTrips(hactl: HactlTrio, etcd: EtcdTrio, plan: BenchPlan): Promise<RoundTrips> {
  const results: { hactl: LoadResult[]; etcd: LoadResult[] } = { hactl: [], etcd: [] };
  const load = { inFlight: 1, warmUpMs: plan.warmUpMs, measureMs: plan.measureMs / 4 };
  for (let run = 0; run < plan.runs; run += 1) {
    results.hactl.push(await runLoad(load, roundTripOf(await waitForLeader(hactl))));
    results.etcd.push(await runLoad(load, roundTripOf(await waitForLeader(etcd))));
  }
  return { hactl: loadSpread(results.hactl), etcd: loadSpread(results.etcd) };
}

async function etcdRun(leader: EtcdMember, load: LoadPlan): Promise<{ result: LoadResult; serverMs: number }> {
  const before = await leader.putsHandled();
  const result = await runLoad(load, putOn(leader));
  const after = await leader.putsHandled();
  return { result, serverMs: ((after.seconds - before.seconds) * 1000) / (after.count - before.count) };
}

/** hactl and etcd in turn. A change of leader within a run makes the run fail: nothing is measured over two leaders. */
export async function measureCommits(
  hactl: HactlTrio, etcd: EtcdTrio, directory: string, plan: BenchPlan, say: (line: string) => void,
): Promise<{ readonly results: readonly CommitResult[]; readonly diskMs: readonly number[] }> {
  const results: CommitResult[] = [];
  const diskMs: number[] = [];
  for (const inFlight of plan.inFlights) {
    say(`commits, ${inFlight} in flight ...`);
    const load = { inFlight, warmUpMs: plan.warmUpMs, measureMs: plan.measureMs };
    const ours: LoadResult[] = [];
    const inside: LoadResult[] = [];
    const theirs: LoadResult[] = [];
    const serverMs: number[] = [];
    for (let run = 0; run < plan.runs; run += 1) {
      diskMs.push(...measureFdatasync(directory, plan.diskSamples));
      const leader = await waitForLeader(hactl);
      ours.push(await runLoad(load, putOn(leader)));
      const etcdLeader = await waitForLeader(etcd);
      const { result, serverMs: meanMs } = await etcdRun(etcdLeader, load);
      theirs.push(result);
      serverMs.push(meanMs);
      inside.push(await leader.loadInside(load, valueBytes));
    }
    const [hactlSpread, etcdSpread] = [loadSpread(ours), loadSpread(theirs)];
    results.push({
      inFlight,
      hactl: hactlSpread,
      etcd: etcdSpread,
      hactlInside: loadSpread(inside),
      etcdServerMeanMs: spreadOf(serverMs),
      p50Ratio: hactlSpread.p50Ms.median / etcdSpread.p50Ms.median,
    });
  }
  await Promise.all([waitForAll(hactl), waitForAll(etcd)]);
  return { results, diskMs };
}
