/** The follower's side of the log: takes a leader's appends, removes what conflicts, answers when it is durable. */
import type { LogIndex, ManagerId, Term } from '../../base/index.js';
import { logIndex } from '../../base/index.js';
import type { CoreState } from './core-state.js';
import type { StoredEntry } from './entry.js';
import type { AppendRequest } from './message.js';

/** An append of the current term. */
export function appendRequested(state: CoreState, from: ManagerId, request: AppendRequest): void {
  if (!leaderHeard(state, from)) return;
  if (request.commitIndex > state.log.lastIndex) {
    // The leader names only what this node acknowledged in this term: it is gone. Answering on would hide the loss.
    state.halt(
      `the log ends at ${state.log.lastIndex}, but entries up to ${request.commitIndex} were acknowledged: ` +
        'was it truncated, lost or replaced?',
    );
    return;
  }
  // Up to the base everything is committed here, so the leader has the same.
  const baseIndex = state.log.base.index;
  if (request.prevIndex >= baseIndex && !state.log.matches(request.prevIndex, request.prevTerm)) {
    refuse(state, from, request);
    return;
  }
  const conflict = firstUnknown(state, request.entries.filter((entry) => entry.index > baseIndex));
  if (conflict !== null) {
    if (conflict.index <= state.commitIndex) {
      state.halt(`leader ${from} would overwrite the committed entry ${conflict.index}`);
      return;
    }
    if (conflict.index <= state.log.lastIndex) {
      state.note('log-truncated', { from: conflict.index, lastIndex: state.log.lastIndex, term: state.term });
      state.truncateFrom(conflict.index);
    }
    state.appendAll(request.entries.slice(conflict.index - request.prevIndex - 1));
  }
  state.moveCommitTo(request.commitIndex);
  accept(state, from, request);
}

/** A leader of the current term spoke. False: it cannot be one. */
export function leaderHeard(state: CoreState, from: ManagerId): boolean {
  if (state.role === 'leader' || (state.leader !== null && state.leader !== from)) {
    state.halt(`two leaders in term ${state.term}: ${state.leader} and ${from}`);
    return false;
  }
  if (state.role !== 'follower' || state.leader === null) state.becomeFollower(state.term, from);
  state.electionElapsedTicks = 0;
  state.leaderSilentTicks = 0;
  return true;
}

/** The first entry that this log does not hold: beyond its end, or with another term. */
function firstUnknown(state: CoreState, entries: readonly StoredEntry[]): StoredEntry | null {
  return entries.find((entry) => !state.log.matches(entry.index, entry.term)) ?? null;
}

function accept(state: CoreState, to: ManagerId, request: AppendRequest): void {
  const agreed = logIndex(request.prevIndex + request.entries.length);
  // A heartbeat is answered with what is durable already: it must not wait behind the disk, or a slow fsync would look
  // like a dead follower. Entries are acknowledged by the answer to the append that brought them.
  const durableIndex = state.durability.durableIndex;
  const matchIndex = request.entries.length === 0 && durableIndex < agreed ? durableIndex : agreed;
  acknowledge(state, to, matchIndex, request.readRound);
}

export function acknowledge(state: CoreState, to: ManagerId, matchIndex: LogIndex, readRound: number): void {
  const { term, isDiskLow } = state;
  state.send(
    to,
    { kind: 'append-response', accepted: true, term, matchIndex, readRound, isDiskLow },
    state.durability.afterEntries(matchIndex),
  );
}

function refuse(state: CoreState, to: ManagerId, request: AppendRequest): void {
  if (request.prevIndex <= state.commitIndex) {
    state.halt(`leader ${to} has another entry ${request.prevIndex} than the one committed here`);
    return;
  }
  state.moveCommitTo(request.commitIndex);
  answerRefusal(state, to, request);
}

/** Also the answer to a leader of an older term: it learns the newer one and steps down. */
export function answerRefusal(
  state: CoreState,
  to: ManagerId,
  request: { readonly prevIndex: LogIndex; readonly prevTerm: Term; readonly readRound: number },
): void {
  const hint = state.log.agreementAtMost(request.prevIndex, request.prevTerm);
  state.send(
    to,
    {
      kind: 'append-response',
      accepted: false,
      term: state.term,
      rejectedIndex: request.prevIndex,
      hintIndex: hint.index,
      hintTerm: hint.term,
      readRound: request.readRound,
      isDiskLow: state.isDiskLow,
    },
    state.durability.afterAll(),
  );
}
