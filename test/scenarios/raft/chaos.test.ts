/** The rules of Raft under random faults, from fixed seeds. A failure prints its seed; the run repeats exactly. */
import { describe, expect, it } from 'vitest';
import { errorMessage } from '../../../src/base/index.js';
import { runChaos } from './chaos.js';

const seeds = Array.from({ length: 30 }, (_, at) => at + 1);
const steps = 4000;

function outcome(run: () => void): string {
  try {
    run();
    return 'kept';
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

/** A second or two of work each; a busy machine may need very much longer. */
const withinMs = 180_000;

describe('a cluster under random faults', { timeout: withinMs }, () => {
  it.each([3, 5])('keeps the rules of Raft with %i nodes, and converges when the faults end', (size) => {
    let committed = 0;
    let reads = 0;
    let terms = 0;
    for (const seed of seeds) {
      const result = outcome(() => {
        const chaos = runChaos({ seed, size, steps });
        chaos.heal();
        committed += chaos.invariants.committedIndex;
        reads += chaos.readsReady;
        terms += chaos.invariants.termsLed;
      });
      expect(result, `seed ${seed}`).toBe('kept');
    }
    // A run in which nothing happens proves nothing.
    expect(committed).toBeGreaterThan(10 * seeds.length);
    expect(terms).toBeGreaterThan(3 * seeds.length);
    expect(reads).toBeGreaterThan(seeds.length);
  });

  it.each([3, 5])('keeps them while managers come and go, and logs are compacted: %i at first', (size) => {
    const seen: Record<string, number> = {};
    for (const seed of seeds) {
      const result = outcome(() => {
        const chaos = runChaos({ seed, size, steps, changes: true });
        chaos.heal();
        for (const [what, count] of Object.entries(chaos.seen)) seen[what] = (seen[what] ?? 0) + count;
      });
      expect(result, `seed ${seed}`).toBe('kept');
    }
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(seeds.length / 5);
  });

  it('is caught when it speaks before it persists', () => {
    const broken = seeds.filter(
      (seed) => outcome(() => runChaos({ seed, size: 3, steps, speaksBeforePersisting: true })) !== 'kept',
    );
    expect(broken.length).toBeGreaterThan(0);
  });

  it('repeats exactly from its seed', () => {
    const first = runChaos({ seed: 7, size: 3, steps }).trace;
    expect(runChaos({ seed: 7, size: 3, steps }).trace).toEqual(first);
    expect(first.length).toBeGreaterThan(50);
  });
});
