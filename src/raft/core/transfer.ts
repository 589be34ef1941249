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
import { broadcastAppends, isRecentlyActive } from './replication.js';

export function transferRequested(state: CoreState, wanted: ManagerId | null): void {
  const refuse = (reason: string): void =>
    state.emit({ kind: 'transfer-ended', target: wanted, outcome: 'refused', reason });
  if (state.role !== 'leader') return refuse('this manager does not lead');
  if (state.transfer !== null) return refuse(`the leadership is being handed to ${state.transfer.target} already`);
  const target = wanted ?? bestSuccessor(state);
  if (target === null) return refuse('no other voter answers');
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

/** Who holds most, among those who answer; a disk with room first. */
export function bestSuccessor(state: CoreState): ManagerId | null {
  let best: ManagerId | null = null;
  for (const voter of state.otherVoters) {
    const progress = state.peers.get(voter);
    if (progress === undefined || !isRecentlyActive(state, progress)) continue;
    const other = best === null ? undefined : state.peers.get(best);
    if (other !== undefined && other.isDiskLow === progress.isDiskLow && other.match >= progress.match) continue;
    if (other !== undefined && progress.isDiskLow && !other.isDiskLow) continue;
    best = voter;
  }
  return best;
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
    leaveLowDisk(state);
    return;
  }
  transfer.elapsedTicks += 1;
  const isMember = state.voters.includes(transfer.target);
  if (isMember && transfer.elapsedTicks < state.config.electionTimeoutTicks) return;
  state.transfer = null;
  const reason = isMember ? 'it did not catch up in time' : 'it is not a voter any more';
  state.emit({ kind: 'transfer-ended', target: transfer.target, outcome: 'refused', reason });
}

/** A leader with an almost full disk makes room for one without: its log grows first. */
function leaveLowDisk(state: CoreState): void {
  if (!state.isDiskLow || !state.knowsCommit) return;
  const successor = bestSuccessor(state);
  const progress = successor === null ? undefined : state.peers.get(successor);
  if (successor === null || progress === undefined || progress.isDiskLow) return;
  if (progress.state === 'replicate') beginTransfer(state, successor);
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
