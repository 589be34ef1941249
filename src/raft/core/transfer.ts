/**
 * Handing over the leadership (thesis 3.10). The leader stops accepting, waits until its successor holds the whole log,
 * and then, in one step, ceases to lead and tells the successor to campaign at once. It never leads on afterwards in
 * that term: the successor's request for votes overrides stickiness, and whatever rests on stickiness (the right to
 * answer) stays sound because no round of this leader can succeed after it has sent that word.
 */
import type { ManagerId } from '../../base/index.js';
import type { CoreState } from './core-state.js';
import { startCampaign } from './election.js';
import type { TimeoutNow } from './message.js';
import type { Progress } from './progress.js';
import { broadcastAppends, isRecentlyActive } from './replication.js';

/** After a transfer that failed, the leader begins no other by itself for so many T: it accepts nothing during one. */
const restElectionTimeouts = 5;

export function transferRequested(state: CoreState, wanted: ManagerId | null): void {
  const refuse = (reason: string): void =>
    state.emit({ kind: 'transfer-ended', target: wanted, outcome: 'refused', reason });
  if (state.role !== 'leader') return refuse('this manager does not lead');
  if (state.transfer !== null) return refuse(`the leadership is being handed to ${state.transfer.target} already`);
  const target = wanted ?? bestSuccessor(state);
  if (target === null) return refuse('no other voter answers and writes');
  if (target === state.config.id) return refuse(`${target} leads already`);
  const progress = state.peers.get(target);
  if (progress === undefined || !state.voters.includes(target)) return refuse(`${target} is not a voter`);
  if (!isRecentlyActive(state, progress)) return refuse(`${target} does not answer`);
  beginTransfer(state, target);
}

export function beginTransfer(state: CoreState, target: ManagerId): void {
  state.transfer = { target, elapsedTicks: 0 };
  state.note('transfer-begun', { target, term: state.term });
  broadcastAppends(state);
  advanceTransfer(state);
}

/**
 * Answered heartbeats do not show that a peer can write; that it lacks nothing committed shows it could a moment ago.
 * The leader refuses every proposal while it waits for a successor, so by itself it waits for such a one only.
 */
function isUpToDate(state: CoreState, progress: Progress): boolean {
  return !progress.isStuck && progress.match >= state.commitIndex;
}

/** Null: nobody answers and writes. Who is up to date comes first, then a disk with room, then who holds most. */
export function bestSuccessor(state: CoreState): ManagerId | null {
  let best: { readonly voter: ManagerId; readonly progress: Progress } | null = null;
  for (const voter of state.otherVoters) {
    const progress = state.peers.get(voter);
    if (progress === undefined || progress.isStuck || !isRecentlyActive(state, progress)) continue;
    if (best === null || isBetter(state, progress, best.progress)) best = { voter, progress };
  }
  return best?.voter ?? null;
}

function isBetter(state: CoreState, one: Progress, other: Progress): boolean {
  const isFresh = isUpToDate(state, one);
  if (isFresh !== isUpToDate(state, other)) return isFresh;
  if (one.isDiskLow !== other.isDiskLow) return other.isDiskLow;
  return one.match > other.match;
}

/** May the leader hand over to this voter without being asked to? */
export function mayLeaveTo(state: CoreState, target: ManagerId): boolean {
  const progress = state.peers.get(target);
  if (progress === undefined || state.transferRestTicks > 0) return false;
  return isRecentlyActive(state, progress) && isUpToDate(state, progress);
}

/** After each answer of a peer. */
export function advanceTransfer(state: CoreState): void {
  const { transfer } = state;
  if (transfer === null || state.role !== 'leader') return;
  const progress = state.peers.get(transfer.target);
  if (progress === undefined || progress.match < state.log.lastIndex) return;
  const message: TimeoutNow = { kind: 'timeout-now', term: state.term };
  state.transfer = null;
  state.note('handed-over', { to: transfer.target, term: state.term });
  state.becomeFollower(state.term, null);
  state.send(transfer.target, message, null);
  state.emit({ kind: 'transfer-ended', target: transfer.target, outcome: 'handed-over', reason: 'it has caught up' });
}

/** Nothing was said to the successor yet, so leading on is harmless; and proposals must not be refused for ever. */
export function tickTransfer(state: CoreState): void {
  const { transfer } = state;
  if (transfer === null) {
    state.transferRestTicks = Math.max(0, state.transferRestTicks - 1);
    leaveLowDisk(state);
    return;
  }
  transfer.elapsedTicks += 1;
  const isMember = state.voters.includes(transfer.target);
  if (isMember && transfer.elapsedTicks < state.config.electionTimeoutTicks) return;
  state.transfer = null;
  state.transferRestTicks = restElectionTimeouts * state.config.electionTimeoutTicks;
  const reason = isMember ? 'it did not catch up in time' : 'it is not a voter any more';
  state.emit({ kind: 'transfer-ended', target: transfer.target, outcome: 'refused', reason });
}

/** A leader with an almost full disk makes room for one without: its log grows first. */
function leaveLowDisk(state: CoreState): void {
  if (!state.isDiskLow || !state.knowsCommit) return;
  const successor = bestSuccessor(state);
  const progress = successor === null ? undefined : state.peers.get(successor);
  if (successor === null || progress === undefined || progress.isDiskLow) return;
  if (progress.state === 'replicate' && mayLeaveTo(state, successor)) beginTransfer(state, successor);
}

/** "Campaign now." */
export function timeoutNow(state: CoreState, from: ManagerId): void {
  const isFollowing = state.role === 'follower' && (state.leader === null || state.leader === from);
  if (!isFollowing || !state.isVoter || state.isDiskStalled || state.installing !== null) {
    state.note('transfer-ignored', { from, term: state.term });
    return;
  }
  startCampaign(state, true);
}
