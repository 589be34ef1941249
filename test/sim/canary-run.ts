/** Plants each canary and counts the seeds until it is found. One that is not found is a hole in the net. */
import { rmSync } from 'node:fs';
import { buildWorker } from './build.js';
import type { Canary } from './canaries/canary.js';
import { haCanaries } from './canaries/ha.js';
import { raftCanaries } from './canaries/raft.js';
import { drawPlan } from './plan.js';
import { Report } from './report.js';
import { runAll } from './runner.js';
import { Workers } from './workers.js';

export const canarySeedsMax = 200;
export const canaries: readonly Canary[] = [...raftCanaries, ...haCanaries];

export interface CanaryFound {
  readonly seeds: number;
  /** Null: not found. */
  readonly violation: string | null;
}

/** True: all were found. */
export async function canaryRun(name: string, workers: number, say: (line: string) => void): Promise<boolean> {
  const names = name.split(',');
  const chosen = canaries.filter((canary) => name === 'all' || names.includes(canary.name));
  if (chosen.length === 0) throw new Error(`there is no canary ${name}: ${canaries.map((one) => one.name).join(', ')}`);
  let areAllFound = true;
  for (const canary of chosen) {
    const { seeds, violation } = await find(canary, workers);
    areAllFound &&= violation !== null;
    const found = violation === null ? 'NOT FOUND' : 'found';
    say(`${canary.name.padEnd(34)} ${found} in ${seeds} seeds: ${violation ?? '-'}`);
  }
  say(`${chosen.length} canaries, ${areAllFound ? 'all found' : 'NOT all found'} within ${canarySeedsMax} seeds each`);
  return areAllFound;
}

export async function find(canary: Canary, size: number): Promise<CanaryFound> {
  const file = await buildWorker(canary);
  const workers = new Workers(file, size);
  const report = new Report();
  let seed = 0;
  try {
    const failures = await runAll({
      workers, report, failuresMax: 1,
      next: () => (seed >= canarySeedsMax ? null : drawPlan(seed += 1)),
    });
    return { seeds: report.seeds, violation: failures[0]?.violations[0]?.slice(0, 140) ?? null };
  } finally {
    workers.stop();
    rmSync(file, { force: true });
  }
}
