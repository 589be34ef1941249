/** A proposal gets no answer, while it is in the log or not, or is not taken: whoever leads finds out and goes on. */
import { expect, it } from 'vitest';
import type { Command } from '../../src/ha/index.js';
import { leaderId, runOnce } from './at-each-call.js';
import { problemsOf } from './final-checks.js';
import type { LostProposal } from './sim-manager.js';

const outcomes: readonly LostProposal[] = ['applied', 'not-applied', 'dropped'];
const kinds: readonly Command['kind'][] = [
  'operation-started', 'step-started', 'step-finished', 'primary-changed', 'operation-finished',
];
const cases = kinds.flatMap((command) => outcomes.map((outcome) => ({ command, outcome })));

it.each(cases)('failover: $command gets no answer: $outcome', async ({ command, outcome }) => {
  const world = await runOnce({ kind: 'failover' }, (made) => made.manager(leaderId).loseProposal(command, outcome));
  expect(problemsOf(world, { phases: ['done'], away: ['db1'], primary: 'db2' })).toBe('');
});

it.each(cases)('switchover: $command gets no answer: $outcome', async ({ command, outcome }) => {
  const world = await runOnce({ kind: 'switchover' }, (made) => made.manager(leaderId).loseProposal(command, outcome));
  const isNothing = world.lastOperation === null;
  expect(isNothing).toBe(command === 'operation-started' && outcome !== 'applied');
  expect(problemsOf(world, { phases: ['done', 'rolled-back'], isNothing })).toBe('');
});
