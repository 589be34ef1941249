/** Plants each canary and counts the seeds until it is found. One that is not found is a hole in the net. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { buildWorker } from './build.js';
import type { Canary } from './canaries/canary.js';
import { haCanaries } from './canaries/ha.js';
import { raftCanaries } from './canaries/raft.js';
import { drawPlan } from './plan.js';
import { Report } from './report.js';
import { runAll } from './runner.js';
import { Workers } from './workers.js';

export const canarySeedsMax = 200;
export const canaries: readonly Canary[] = [...haCanaries, ...raftCanaries.filter(isForTheSimulator)];

export interface CanaryFound {
  /** Null: not found. */
  readonly seed: number | null;
  readonly violation: string;
}

/** Which seed found each canary the last time: tried first. It is one of the first 200, so nothing is promised anew. */
const hintsFile = new URL('canaries/found-at.json', import.meta.url);

function hints(): Readonly<Record<string, number>> {
  return existsSync(hintsFile) ? (JSON.parse(readFileSync(hintsFile, 'utf8')) as Record<string, number>) : {};
}

/** The store's own reading of damaged files is planted under test/scenarios/raft, which runs it. */
function isForTheSimulator({ file }: Canary): boolean {
  return file !== 'src/raft/log-audit.ts';
}

/** True: all were found. */
export async function canaryRun(name: string, workers: number, say: (line: string) => void): Promise<boolean> {
  const names = name.split(',');
  const chosen = canaries.filter((canary) => name === 'all' || names.includes(canary.name));
  if (chosen.length === 0) throw new Error(`there is no canary ${name}: ${canaries.map((one) => one.name).join(', ')}`);
  const foundAt: Record<string, number> = { ...hints() };
  let missed = 0;
  for (const canary of chosen) {
    const { seed, violation } = await findCanary(canary, workers);
    if (seed === null) missed += 1;
    else foundAt[canary.name] = seed;
    say(`${canary.name.padEnd(34)} ${seed === null ? 'NOT FOUND' : `found at seed ${seed}`}: ${violation}`);
    writeFileSync(hintsFile, `${JSON.stringify(Object.fromEntries(Object.entries(foundAt).sort()), null, 1)}\n`);
  }
  say(`${chosen.length} canaries, ${missed} not found within the first ${canarySeedsMax} seeds`);
  return missed === 0;
}

export async function findCanary(canary: Canary, size: number): Promise<CanaryFound> {
  const file = await buildWorker(canary);
  const workers = new Workers(file, size);
  const first = hints()[canary.name] ?? 1;
  const others = Array.from({ length: canarySeedsMax }, (_, at) => at + 1).filter((seed) => seed !== first);
  const seeds = [first, ...others];
  try {
    const found: CanaryFound[] = [];
    await runAll({
      workers, report: new Report(), failuresMax: Infinity,
      next: () => {
        const seed = found.length > 0 ? undefined : seeds.shift();
        return seed === undefined ? null : drawPlan(seed);
      },
      // Another rule that it breaks on the way is no proof of this one.
      onFailure: ({ plan, violations }) => {
        const told = violations.find((violation) => violation.includes(canary.invariant));
        if (told !== undefined) found.push({ seed: plan.seed, violation: told.slice(0, 140) });
      },
    });
    return found[0] ?? { seed: null, violation: '-' };
  } finally {
    workers.stop();
    rmSync(file, { force: true });
  }
}
