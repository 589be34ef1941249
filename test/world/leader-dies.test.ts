/** The leader dies before and after each of its port calls: the next one finishes the same operation. */
import { expect, it } from 'vitest';
import { atEachCall, leaderId, runOnce } from './at-each-call.js';
import { problemsOf, settingsOfAll } from './final-checks.js';

it('a failover is finished by the next leader, wherever the first one died', async () => {
  const { runs, ends, problems } = await atEachCall({
    kind: 'failover',
    fault: () => 'kill',
    expected: () => ({ phases: ['done'], away: ['db1'] }),
  });
  expect(problems).toBe('');
  expect(ends).toEqual({ 'failover:done': runs });
  expect(runs).toBeGreaterThan(100);
});

it('a switchover is finished or rolled back by the next leader, wherever the first one died', async () => {
  const { runs, ends, problems } = await atEachCall({
    kind: 'switchover',
    fault: () => 'kill',
    // Where the request itself died with the leader nothing has happened, and nobody hears of it.
    expected: (world) => (world.lastOperation === null ? { phases: [], isNothing: true } : {
      phases: ['done', 'rolled-back'],
      primary: world.lastOperation.phase === 'done' ? 'db2' : 'db1',
    }),
  });
  expect(problems).toBe('');
  expect(ends['nothing']).toBe(1);
  expect(ends['switchover:done']).toBeGreaterThan(runs / 2);
  expect(ends['switchover:rolled-back']).toBeGreaterThan(runs / 5);
});

it('a switchover that is rolled back leaves every server as it was', async () => {
  const counted = await runOnce({ kind: 'switchover' }, (made) => made.manager(leaderId).calls.arm(null));
  const callIndex = counted.manager(leaderId).calls.labels.findIndex((label) => label.includes('kill-clients'));
  let before: readonly string[] = [];
  const world = await runOnce({ kind: 'switchover' }, (made) => {
    before = settingsOfAll(made);
    made.manager(leaderId).calls.arm({ callIndex, side: 'after', fault: 'kill' });
  });
  expect(problemsOf(world, { phases: ['rolled-back'], primary: 'db1' })).toBe('');
  expect(settingsOfAll(world)).toEqual(before);
});
