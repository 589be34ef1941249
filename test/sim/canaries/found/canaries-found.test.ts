/** The net has no hole: every planted bug is found by the simulator within its first seeds. After everything else. */
import { describe, expect, it } from 'vitest';
import { canaries, canarySeedsMax, findCanary } from '../../canary-run.js';

describe(`within ${canarySeedsMax} seeds the simulator finds`, () => {
  it.each(canaries.map((canary) => [canary.name, canary] as const))('%s', async (_, canary) => {
    const { seed, violation } = await findCanary(canary, 2);
    expect(seed, violation).not.toBeNull();
    expect(violation).toContain(canary.invariant);
  });
});
