import { describe, expect, it } from 'vitest';
import { logIndex, term } from '../base/index.js';
import { SessionedStateMachine } from '../raft/index.js';
import type { ProposalSession, RaftNode } from '../raft/index.js';
import { VersionRaiser } from './version-raiser.js';

/**
 * A log whose every proposal is applied at once, through the table of sessions; it outlives the raisers. Its state
 * takes the first raise, and says no to any later one.
 */
function logOver() {
  let applied = 0;
  const answer = () => ((applied += 1) === 1 ? { ok: true } : { ok: false, reason: 'it is at that version already' });
  const machine = new SessionedStateMachine({ apply: answer, snapshot: () => null, restore: () => undefined });
  const said: Record<string, unknown>[] = [];
  let index = 0;
  const propose: RaftNode['propose'] = (command: Uint8Array, session: ProposalSession) => {
    index += 1;
    const at = { index: logIndex(index), term: term(1), timeMs: index };
    const result = machine.apply({ ...at, command }, session);
    return Promise.resolve({ kind: 'applied', index: at.index, term: at.term, result });
  };
  const raiser = (life: string) =>
    new VersionRaiser({ raft: { propose }, life, log: (event, facts) => said.push({ event, ...facts }) });
  return { raiser, said };
}

describe('raising the reducer version', () => {
  it('is told as applied only when the state machine took it', async () => {
    const { raiser, said } = logOver();
    const first = raiser('a');
    await first.raise(2);
    await first.raise(2);
    expect(said).toMatchObject([{ to: 2, outcome: 'applied' }, { to: 2, outcome: 'rejected' }]);
  });

  it('is not answered from the proposals of an earlier life', async () => {
    const { raiser, said } = logOver();
    await raiser('a').raise(2);
    await raiser('b').raise(2);
    expect(said[1]).toMatchObject({ to: 2, outcome: 'rejected' });
  });
});
