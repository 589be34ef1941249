/**
 * The leader falls asleep at each of its port calls, the next one finishes, and then the first wakes up in the middle
 * of what it was doing: it must change nothing any more.
 */
import { expect, it } from 'vitest';
import { atEachCall, leaderId } from './at-each-call.js';
import type { Enumerated } from './at-each-call.js';
import { settingsOfAll } from './final-checks.js';
import type { World } from './world.js';

/** Time enough to find out, to unwind, and to try once more. */
const afterWakingMs = 2000;

async function wake(world: World): Promise<void> {
  world.writers.stop();
  await world.env.queue.run(100);
  const before = settingsOfAll(world);
  const primary = world.cluster.primary;
  world.manager(leaderId).process.resume();
  await world.env.queue.run(afterWakingMs);
  const after = settingsOfAll(world);
  if (before.join() !== after.join()) world.invariants.note(`the sleeper changed ${before.join()} to ${after.join()}`);
  if (primary !== world.cluster.primary) world.invariants.note('the sleeper changed the primary');
}

it.each<Pick<Enumerated, 'kind' | 'expected'>>([
  { kind: 'failover', expected: () => ({ phases: ['done'], away: ['db1'] }) },
  {
    kind: 'switchover',
    expected: (world) => (
      world.lastOperation === null ? { phases: [], isNothing: true } : { phases: ['done', 'rolled-back'] }
    ),
  },
])('changes nothing after it was deposed in a $kind', async ({ kind, expected }) => {
  const { runs, problems } = await atEachCall({ kind, expected, fault: () => 'pause', afterwards: wake });
  expect(problems).toBe('');
  expect(runs).toBeGreaterThan(100);
});

const kinds = ['failover', 'switchover'] as const;

it.each(kinds)('is harmless when it wakes up while the next leader works, in a %s', async (kind) => {
  const { problems } = await atEachCall({
    kind,
    fault: (world) => () => {
      const { process } = world.manager(leaderId);
      process.pause();
      // The next leader is elected about 1.6 s later and needs a tenth of a second for its work.
      world.env.queue.after(1500 + world.env.random.next() * 350, () => process.resume());
    },
    sides: ['before'],
    afterwards: (world) => world.env.queue.run(afterWakingMs),
    expected: (world) => (world.lastOperation === null
      ? { phases: [], isNothing: true }
      : { phases: ['done', 'rolled-back'], away: kind === 'failover' ? ['db1'] : [] }),
  });
  expect(problems).toBe('');
});
