/**
 * What must hold after every step, whatever the inputs were. Cheap (no walk over the log), so it runs in production
 * too: a node that breaks one of these must stop before it speaks. Names follow LogCabin's RaftConsensusInvariants.
 */
import type { LogIndex, Term } from '../../base/index.js';
import { assert } from '../../base/index.js';
import type { CoreState } from './core-state.js';

export interface Before {
  readonly term: Term;
  readonly commitIndex: LogIndex;
  readonly handedOutIndex: LogIndex;
  readonly appliedIndex: LogIndex;
}

export function checkInvariants(state: CoreState, before: Before): void {
  const { log, durability } = state;
  assert(state.term >= before.term, 'the term went back');
  assert(state.commitIndex >= before.commitIndex, 'the commit index went back');
  assert(state.handedOutIndex >= before.handedOutIndex, 'an entry was given out to be applied twice');
  assert(state.appliedIndex >= before.appliedIndex, 'the applied index went back');
  assert(state.appliedIndex <= state.handedOutIndex, 'an entry was applied that was never given out');
  assert(state.handedOutIndex <= state.commitIndex, 'an entry was given out that is not committed');
  assert(durability.durableIndex <= log.lastIndex, 'more is durable than there is');
  assert(state.handedOutIndex <= durability.durableIndex, 'an entry was given out that is not durable');
  assert(state.commitIndex <= log.lastIndex, 'more is committed than there is');
  assert(log.lastTerm <= state.term, 'the log is ahead of the term');
  assert(log.base.index <= (state.snapshot?.index ?? 0), 'the log begins after the snapshot');
  assert((state.snapshot?.index ?? 0) <= state.commitIndex, 'a snapshot holds what is not committed');
  assert(state.role !== 'candidate' || state.votedFor === state.config.id, 'a candidate votes for itself');
  assert((state.role === 'leader') === (state.leader === state.config.id), 'a leader knows that it leads');
  if (state.role === 'leader') checkLeader(state);
}

function checkLeader(state: CoreState): void {
  assert(state.votedFor === state.config.id, 'a leader voted for itself');
  assert(state.durability.afterVote() === null, 'term and vote of a leader are durable');
  assert(state.log.lastTerm === state.term, 'a leader opened its term with an entry');
  assert(state.uncommittedBytes >= 0, 'uncommitted bytes went below zero');
  for (const progress of state.peers.values()) {
    assert(progress.match < progress.next, 'match must be below next');
    assert(progress.next <= state.log.lastIndex + 1, 'next is beyond the log');
    assert(progress.inflights.length <= state.config.inflightMessagesMax, 'the window is overrun');
    assert(progress.sentCommit <= progress.match, 'a peer was told to commit what it may not hold');
  }
}
