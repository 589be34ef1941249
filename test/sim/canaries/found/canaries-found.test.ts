/**
 * The net has no hole: every bug that is planted in `ha` is found by the simulator within its first seeds. Those of the
 * core, and all of them by hand: `npm run sim -- --canary all` and try-canaries.ts.
 */
import { describe, expect, it } from 'vitest';
import { canarySeedsMax, findCanary } from '../../canary-run.js';
import { haCanaries } from '../ha.js';

describe(`within ${canarySeedsMax} seeds the simulator finds`, () => {
  it.each(haCanaries.map((canary) => [canary.name, canary] as const))('%s', async (_, canary) => {
    const { seed, violation } = await findCanary(canary, 2);
    expect(seed, violation).not.toBeNull();
    expect(violation).toContain(canary.invariant);
  });
});
