/**
 * `npm run bench:raft`: hactl's Raft beside etcd, three members each, on one disk, in one run. It measures and asserts
 * nothing. Whatever was started ends with it, and its folders go, however it ends.
 */
import { mkdirSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeDir, temporaryDir } from '../support/child-process.js';
import { measureCommits, measureRoundTrips, type CommitResult, type RoundTrips } from './commit.js';
import { diskSpeedOf, measureFdatasync, realDiskOf, type DiskSpeed, type Mount } from './disk.js';
import { startEtcdTrio, type EtcdProgram } from './etcd-trio.js';
import { buildRaftNode, startHactlTrio } from './hactl-trio.js';
import { measureLeaderChanges, type LeaderChangeResult } from './leader-change.js';
import { waitForAll, type Trio } from './member.js';
import { short } from './numbers.js';
import { parseBenchOptions, usage, type BenchOptions } from './options.js';
import { fullPlan, quickPlan, valueBytes, type BenchPlan } from './plan.js';
import { commitTable, leaderTable, restartTable, roundTripTable } from './report.js';
import { measureRestart, type RestartResult } from './restart.js';

interface Pair<T> {
  readonly hactl: T;
  readonly etcd: T;
}

interface BenchResult {
  readonly versions: { readonly node: string; readonly etcd: string; readonly etcdFrom: string };
  readonly machine: { readonly cpus: number; readonly model: string; readonly system: string };
  readonly valueBytes: number;
  readonly plan: BenchPlan;
  readonly disk: Mount & { readonly fdatasync4k: DiskSpeed };
  readonly roundTrips: RoundTrips | null;
  readonly commits: readonly CommitResult[];
  readonly newLeader: Pair<LeaderChangeResult> | null;
  readonly restart: Pair<RestartResult> | null;
}

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const note = (line: string): void => void process.stderr.write(`bench: ${line}\n`);

/** Runs `work` with a trio that ends afterwards, whatever happens. */
async function withTrio<T extends Trio, R>(starting: Promise<T>, work: (trio: T) => Promise<R>): Promise<R> {
  const trio = await starting;
  try {
    await waitForAll(trio);
    return await work(trio);
  } finally {
    await trio.stopAll();
  }
}

type Short = Pick<BenchResult, 'roundTrips' | 'commits' | 'newLeader'>;

interface Parts {
  readonly directory: string;
  readonly nodePath: string;
  readonly etcdProgram: EtcdProgram;
  readonly plan: BenchPlan;
  readonly diskMs: number[];
}

/** Commits and changes of leader: both systems are up all the time, and take turns. */
async function measureSideBySide(parts: Parts, { parts: wanted }: BenchOptions): Promise<Short> {
  const { directory, nodePath, etcdProgram, plan, diskMs } = parts;
  return withTrio(startHactlTrio(join(directory, 'hactl'), nodePath, true), (hactl) =>
    withTrio(startEtcdTrio(join(directory, 'etcd'), etcdProgram, null), async (etcd) => {
      let [roundTrips, commits]: [RoundTrips | null, readonly CommitResult[]] = [null, []];
      if (wanted.includes('commit')) {
        roundTrips = await measureRoundTrips(hactl, etcd, plan);
        const measured = await measureCommits(hactl, etcd, directory, plan, note);
        commits = measured.results;
        diskMs.push(...measured.diskMs);
      }
      if (!wanted.includes('leader')) return { roundTrips, commits, newLeader: null };
      note(`a new leader after SIGKILL, ${plan.kills} times each ...`);
      const newLeader = {
        hactl: await measureLeaderChanges(hactl, plan.kills),
        etcd: await measureLeaderChanges(etcd, plan.kills),
      };
      return { roundTrips, commits, newLeader };
    }));
}

/** One system at a time, on new stores: the memory and the time are each system's own. */
async function measureRestarts({ directory, nodePath, etcdProgram, plan }: Parts): Promise<Pair<RestartResult>> {
  note(`a restart with ${plan.entries} entries ...`);
  const hactl = await withTrio(startHactlTrio(join(directory, 'hactl-long'), nodePath, false),
    (trio) => measureRestart(trio, plan.entries));
  const etcd = await withTrio(startEtcdTrio(join(directory, 'etcd-long'), etcdProgram, 10 * plan.entries),
    (trio) => measureRestart(trio, plan.entries));
  return { hactl, etcd };
}

async function measureAll(options: BenchOptions, parent: string, mount: Mount): Promise<BenchResult> {
  const etcdProgram = JSON.parse(process.env['HACTL_BENCH_ETCD'] ?? 'null') as EtcdProgram | null;
  if (etcdProgram === null) throw new Error('start this with npm run bench:raft, which prepares etcd');
  const plan = options.isQuick ? quickPlan : fullPlan;
  const directory = await temporaryDir('bench', parent);
  try {
    const diskMs = [...measureFdatasync(directory, plan.diskSamples)];
    for (const name of ['hactl', 'etcd', 'hactl-long', 'etcd-long']) mkdirSync(join(directory, name));
    const parts: Parts = { directory, nodePath: await buildRaftNode(), etcdProgram, plan, diskMs };
    const isShort = options.parts.some((part) => part !== 'restart');
    const sideBySide = isShort
      ? await measureSideBySide(parts, options)
      : { roundTrips: null, commits: [], newLeader: null };
    const restart = options.parts.includes('restart') ? await measureRestarts(parts) : null;
    return {
      versions: { node: process.versions.node, etcd: etcdProgram.version, etcdFrom: etcdProgram.origin },
      machine: { cpus: cpus().length, model: cpus()[0]?.model ?? '', system: `${platform()} ${arch()}` },
      valueBytes,
      plan,
      disk: { ...mount, fdatasync4k: diskSpeedOf(diskMs) },
      ...sideBySide,
      restart,
    };
  } finally {
    removeDir(directory);
  }
}

function sayResult({ versions, machine, disk, roundTrips, commits, newLeader, restart }: BenchResult): void {
  const { p50Ms, p99Ms, samples } = disk.fdatasync4k;
  say(`hactl on Node ${versions.node}, etcd ${versions.etcd} (${versions.etcdFrom}), ${machine.cpus} CPUs`);
  say(`${disk.type} on ${disk.device}: append 4 KiB and fdatasync p50 ${short(p50Ms)} ms, p99 ${short(p99Ms)} ms`
    + ` (${samples} times)`);
  say(`values of ${valueBytes} bytes; one client over loopback unless said otherwise; median (min-max) of the runs`);
  if (roundTrips !== null) say(`\n${roundTripTable(roundTrips)}\n\n${commitTable(commits)}`);
  if (newLeader !== null) say(`\n${leaderTable(newLeader.hactl, newLeader.etcd)}`);
  if (restart !== null) say(`\n${restartTable(restart.hactl, restart.etcd)}`);
}

async function main(): Promise<void> {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options === null) {
    say(usage);
    return;
  }
  const parent = options.directory === null ? join(root, '.cache', 'bench') : resolve(options.directory);
  if (options.directory === null) mkdirSync(parent, { recursive: true });
  const result = await measureAll(options, parent, realDiskOf(parent));
  sayResult(result);
  if (options.isJson) say(JSON.stringify(result));
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
