/**
 * The leader's side of the log: appends and heartbeats out, answers in, commit. Appends leave at once, before they are
 * durable here (thesis 10.2.1): a leader's term and vote are durable before it leads (election.ts), so after a crash it
 * never again makes entries of this term, and nobody can hold a different entry under the same (index, term). Its own
 * copy counts for a commit only once it is durable.
 */
import type { LogIndex, ManagerId, Term } from '../../base/index.js';
import { assert, logIndex } from '../../base/index.js';
import type { CoreState } from './core-state.js';
import type { StoredEntry } from './entry.js';
import { entryBytes } from './entry.js';
import { advanceMembership } from './membership-changing.js';
import type { AppendResponse } from './message.js';
import type { Progress } from './progress.js';
import { accepted, becomeProbe, canSend, entriesSent, rejected } from './progress.js';
import { isMajority, majorityIndex } from './quorum.js';
import { beginSending, tickSending } from './snapshot-sending.js';
import { advanceTransfer, tickTransfer } from './transfer.js';

export function tickAsLeader(state: CoreState): void {
  for (const [peer, progress] of state.peers) tickPeer(state, peer, progress);
  if (!isMajority(state.voters, (voter) => isHeard(state, voter))) {
    state.note('quorum-lost', { term: state.term });
    state.becomeFollower(state.term, null);
    return;
  }
  // Heartbeats need no disk, so nobody else would ever notice that this leader can apply nothing any more.
  if (state.isDiskStalled) {
    state.note('disk-stalled', { term: state.term, ticks: state.durability.stalledTicks });
    state.becomeFollower(state.term, null);
    return;
  }
  tickTransfer(state);
  advanceMembership(state);
  if (state.role !== 'leader') return;
  state.heartbeatElapsedTicks += 1;
  if (state.heartbeatElapsedTicks >= state.config.heartbeatTicks) broadcastHeartbeat(state);
}

/**
 * Heartbeats that are answered say nothing about entries: a pipeline that lost its way would look healthy for ever
 * (grafana/pyroscope#5518). Probing anew finds out where the peer stands.
 */
function tickPeer(state: CoreState, peer: ManagerId, progress: Progress): void {
  progress.silentTicks += 1;
  progress.roundTicks += 1;
  tickSending(state, peer, progress);
  const isBehind = progress.match < state.log.lastIndex && isRecentlyActive(state, progress);
  progress.stuckTicks = isBehind && progress.state !== 'snapshot' ? progress.stuckTicks + 1 : 0;
  if (!isBehind) progress.isStuck = false;
  if (progress.stuckTicks < state.config.electionTimeoutTicks) return;
  progress.stuckTicks = 0;
  progress.isStuck = true;
  state.note('peer-stuck', { peer, match: progress.match, lastIndex: state.log.lastIndex });
  becomeProbe(progress, state.after(progress.match));
}

function isHeard(state: CoreState, voter: ManagerId): boolean {
  if (voter === state.config.id) return true;
  const progress = state.peers.get(voter);
  return progress !== undefined && isRecentlyActive(state, progress);
}

export function isRecentlyActive(state: CoreState, progress: Progress): boolean {
  return progress.silentTicks < state.config.electionTimeoutTicks;
}

/** To every peer, whatever its window: an append without entries is what finds out that earlier ones were lost. */
export function broadcastHeartbeat(state: CoreState): void {
  state.heartbeatElapsedTicks = 0;
  for (const [peer, progress] of state.peers) sendAppend(state, peer, progress, []);
}

export function broadcastAppends(state: CoreState): void {
  for (const [peer, progress] of state.peers) sendWhatIsNew(state, peer, progress);
}

/** Entries as far as the window allows; at least the commit index, if it moved: endpoints of followers wait for it. */
export function sendWhatIsNew(state: CoreState, peer: ManagerId, progress: Progress): void {
  if (progress.state !== 'snapshot' && progress.next <= state.log.base.index) beginSending(state, peer, progress);
  const { base, lastIndex } = state.log;
  while (canSend(progress, state.config) && progress.next > base.index && progress.next <= lastIndex) {
    sendAppend(state, peer, progress, state.log.batch(progress.next, state.config.appendBytesMax));
  }
  if (commitFor(state, progress) > progress.sentCommit) sendAppend(state, peer, progress, []);
}

function sendAppend(
  state: CoreState,
  peer: ManagerId,
  progress: Progress,
  entries: readonly StoredEntry[],
): void {
  // Before the base nothing can be named: a peer that far behind is sent a snapshot, and heartbeats besides.
  const prevIndex = logIndex(Math.max(progress.next - 1, state.log.base.index));
  const commitIndex = commitFor(state, progress);
  state.send(
    peer,
    {
      kind: 'append-request',
      term: state.term,
      prevIndex,
      prevTerm: prevTerm(state, prevIndex),
      commitIndex,
      readRound: state.reads.round,
      entries,
    },
    null,
  );
  progress.sentCommit = commitIndex;
  const last = entries.at(-1);
  if (last === undefined) return;
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  entriesSent(progress, last.index, bytes);
}

function prevTerm(state: CoreState, prevIndex: LogIndex): Term {
  const term = state.log.termAt(prevIndex);
  assert(term !== null, `there is no entry ${prevIndex} to send after`);
  return term;
}

function commitFor(state: CoreState, progress: Progress): LogIndex {
  return progress.match < state.commitIndex ? progress.match : state.commitIndex;
}

export function appendAnswered(state: CoreState, from: ManagerId, answer: AppendResponse): void {
  const progress = state.peers.get(from);
  if (state.role !== 'leader' || progress === undefined) return;
  progress.silentTicks = 0;
  progress.ackedRound = Math.max(progress.ackedRound, answer.readRound);
  progress.isDiskLow = answer.isDiskLow;
  if (answer.accepted) {
    if (answer.matchIndex > state.log.lastIndex) {
      // Within a term the leader's log only grows, so the peer speaks of something that was never sent.
      state.note('impossible-match', { peer: from, matchIndex: answer.matchIndex });
      return;
    }
    accepted(progress, answer.matchIndex, state.log.base.index);
    commitWhatMajorityHolds(state);
    // This leader was just removed, or has handed over.
    if (state.role !== 'leader') return;
  } else {
    const agreement = state.log.agreementAtMost(answer.hintIndex, answer.hintTerm);
    if (rejected(progress, answer.rejectedIndex, agreement.index)) {
      state.note('append-refused', { peer: from, rejectedIndex: answer.rejectedIndex, next: progress.next });
    }
  }
  sendWhatIsNew(state, from, progress);
  advanceTransfer(state);
}

/**
 * Only an entry of the leader's own term is committed by counting; it takes all earlier ones with it. An older entry on
 * a majority can still be overwritten by a later leader (Raft paper 5.4.2, figure 8).
 */
export function commitWhatMajorityHolds(state: CoreState): void {
  const held = majorityIndex(state.voters, (voter) =>
    voter === state.config.id ? state.durability.durableIndex : (state.peers.get(voter)?.match ?? logIndex(0)),
  );
  if (held <= state.commitIndex || !state.log.matches(held, state.term)) return;
  state.moveCommitTo(held);
  broadcastAppends(state);
  // It led, without a vote of its own, until the others had agreed that it goes (thesis 4.2.2).
  if (!state.isVoter && state.membershipIndex <= state.commitIndex) {
    state.note('removed', { term: state.term });
    state.becomeFollower(state.term, null);
  }
}
