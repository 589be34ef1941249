/**
 * The leader's side of a membership change: the barrier that makes single changes sound, and what follows by itself:
 * a learner that has caught up becomes a voter, and who was replaced goes. All of it is in the log, so the next leader
 * goes on with it.
 */
import type { ManagerId } from '../../base/index.js';
import type { CoreState } from './core-state.js';
import type { MembershipChange } from './membership.js';
import { changeMembership } from './membership.js';
import type { DropReason } from './output.js';
import { broadcastAppends, isRecentlyActive } from './replication.js';
import { beginTransfer, mayLeaveTo } from './transfer.js';

export interface Refused {
  readonly reason: DropReason;
  readonly detail: string;
}

/**
 * Two changes by leaders of different terms can have disjoint majorities, unless a leader first commits an entry of its
 * own term, and the change before is committed (Ongaro, raft-dev 2015).
 */
export function mayChange(state: CoreState): Refused | null {
  if (state.transfer !== null) return { reason: 'handing-over', detail: 'the leadership is being handed over' };
  if (!state.knowsCommit) return { reason: 'not-ready', detail: 'this leader has not committed anything yet' };
  if (state.membershipIndex > state.commitIndex) {
    return { reason: 'not-ready', detail: 'another change of the managers is not committed yet' };
  }
  return null;
}

/** Appends the change. Null when it was appended. */
export function tryChange(state: CoreState, change: MembershipChange): Refused | null {
  const barrier = mayChange(state);
  if (barrier !== null) return barrier;
  const outcome = changeMembership(state.membership, change);
  if (outcome.kind === 'refused') return { reason: 'refused', detail: outcome.reason };
  const { membership } = outcome;
  state.appendOwn({ kind: 'membership', membership });
  state.note('membership-changed', { change: change.kind, voters: membership.voters.length });
  broadcastAppends(state);
  return null;
}

/** Each tick of the leader. */
export function advanceMembership(state: CoreState): void {
  if (state.role !== 'leader' || mayChange(state) !== null) return;
  const replaced = replacedVoter(state);
  if (replaced !== null) {
    removeReplaced(state, replaced.old, replaced.by);
    return;
  }
  for (const learner of state.membership.learners) {
    if (learner.then === 'vote' && hasCaughtUp(state, learner.id)) {
      tryChange(state, { kind: 'promote', id: learner.id });
      return;
    }
  }
}

function replacedVoter(state: CoreState): { readonly old: ManagerId; readonly by: ManagerId } | null {
  for (const { id, replaces } of state.membership.voters) {
    if (replaces !== null && state.voters.includes(replaces)) return { old: replaces, by: id };
  }
  return null;
}

/** A leader does not remove itself while somebody else can do it: the cluster would stand still for an election. */
function removeReplaced(state: CoreState, old: ManagerId, by: ManagerId): void {
  if (old !== state.config.id) {
    tryChange(state, { kind: 'remove', id: old });
    return;
  }
  if (mayLeaveTo(state, by)) beginTransfer(state, by);
}

/**
 * In rounds: each lasts until the learner holds what the log held when the round began. Once a round is over within T,
 * a vote of this learner will not hold up commits for long (thesis 4.2.1).
 */
function hasCaughtUp(state: CoreState, learner: ManagerId): boolean {
  const progress = state.peers.get(learner);
  if (progress === undefined || progress.match < progress.roundTarget) return false;
  const isQuick = progress.roundTicks < state.config.electionTimeoutTicks;
  progress.roundTarget = state.log.lastIndex;
  progress.roundTicks = 0;
  return isQuick && progress.match > 0 && isRecentlyActive(state, progress);
}
