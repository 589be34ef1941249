/** The simulator itself: a seed replays, a broken rule is told, and a failing plan shrinks to what it takes. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildWorker } from './build.js';
import { canaries, findCanary } from './canary-run.js';
import { drawPlan, faultKinds } from './plan.js';
import { runPlan } from './runner.js';
import { rememberedPlans } from './seeds.js';
import { shrink } from './shrink.js';
import { Workers } from './workers.js';

let file: string;
let workers: Workers;

beforeAll(async () => {
  file = await buildWorker();
  workers = new Workers(file, 2);
});

afterAll(() => {
  workers.stop();
  rmSync(file, { force: true });
});

describe('a seed', () => {
  it('replays exactly, and differs from the next one', async () => {
    const runs = await Promise.all([7, 7, 8].map((seed) => runPlan(workers, drawPlan(seed))));
    const [first, second, other] = runs.map(({ outcome }) => outcome);
    expect(first).toEqual(second);
    expect(first?.traceHash).not.toBe(other?.traceHash);
    expect(first?.steps).toBeGreaterThan(5000);
  });

  it('is the same whatever the same process ran before', async () => {
    const alone = new Workers(file, 1);
    try {
      const hashes: string[] = [];
      for (const seed of [8, 7, 9, 7]) hashes.push((await runPlan(alone, drawPlan(seed))).outcome.traceHash);
      expect(hashes[1]).toBe(hashes[3]);
      expect(hashes[1]).toBe((await runPlan(workers, drawPlan(7))).outcome.traceHash);
    } finally {
      alone.stop();
    }
  });

  it('draws every class of faults in some seeds, and none in all', () => {
    const plans = Array.from({ length: 200 }, (_, at) => drawPlan(at + 1));
    for (const kind of faultKinds) {
      const count = plans.filter(({ faults }) => faults.some((fault) => fault.kind === kind)).length;
      expect(count, kind).toBeGreaterThan(10);
      expect(count, kind).toBeLessThan(200);
    }
  });
});

describe('a plan that fails', () => {
  it('is made smaller, as long as it fails', async () => {
    const plan = drawPlan(3);
    const [needed] = plan.faults;
    const smallest = await shrink(plan, async ({ faults }) => Promise.resolve(faults.includes(needed!)));
    expect(plan.faults.length).toBeGreaterThan(5);
    expect(smallest.faults).toEqual([needed]);
  });

  it.each(rememberedPlans().map((one) => [one.why, one.plan] as const))('once is mended: %s', async (_, plan) => {
    expect((await runPlan(workers, plan)).outcome.violations).toEqual([]);
  });
});

describe('a planted bug', () => {
  it('is found, and said', async () => {
    const canary = canaries.find(({ name }) => name === 'acts-before-intent')!;
    expect((await findCanary(canary, 2)).violation).toMatch(/^intent: .*no step is under way/);
  });
});
