/**
 * Who the managers are, as replicated data. Each change is one entry of the log that carries the whole new membership,
 * effective as soon as it is appended. One change at a time adds or removes one voter, so that any two consecutive
 * memberships have overlapping majorities; raft-core.ts keeps the barrier that makes this sound (a leader changes
 * nothing before an entry of its own term is committed: Ongaro, raft-dev 2015).
 *
 * An id is used once for all time: what a removed manager promised (its votes) is bound to its id, and a new store
 * that answered under the same id would have forgotten it.
 */
import type { ManagerId } from '../../base/index.js';

export interface Member {
  readonly id: ManagerId;
  /** host:port; null while only the configuration files of the managers know it. */
  readonly rpc: string | null;
  readonly http: string | null;
  /** Of the data directory that speaks for this id. Null until it is known; then it never changes. */
  readonly storeId: string | null;
  /** The newest reducer version that the build of this manager understands. */
  readonly reducerMax: number;
  /** Once this one is a voter and that is committed, this other voter is removed. */
  readonly replaces: ManagerId | null;
}

export interface Learner extends Member {
  /** `vote`: becomes a voter by itself when it has caught up. */
  readonly then: 'vote' | 'stay';
}

export interface Membership {
  readonly voters: readonly Member[];
  /** Receive the log and count nowhere. */
  readonly learners: readonly Learner[];
  /** Can never come back. */
  readonly removed: readonly ManagerId[];
}

export type MembershipChange =
  | { readonly kind: 'add'; readonly learner: Learner }
  | { readonly kind: 'promote'; readonly id: ManagerId }
  | { readonly kind: 'remove'; readonly id: ManagerId }
  /** What is known of a member, without any change of who votes. */
  | { readonly kind: 'describe'; readonly member: Member };

export type ChangeOutcome =
  | { readonly kind: 'changed'; readonly membership: Membership }
  /** A sentence. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Majorities of more than this are slow and help nobody; each member costs the leader a stream. */
export const membersMax = 9;

export const noMembers: Membership = { voters: [], learners: [], removed: [] };

/** Members of whom nothing but the id is known. */
export function bootstrapMembership(voters: readonly ManagerId[]): Membership {
  return { ...noMembers, voters: voters.map(unknownMember) };
}

export function unknownMember(id: ManagerId): Member {
  return { id, rpc: null, http: null, storeId: null, reducerMax: 1, replaces: null };
}

export function changeMembership(before: Membership, change: MembershipChange): ChangeOutcome {
  switch (change.kind) {
    case 'add':
      return add(before, change.learner);
    case 'promote':
      return promote(before, change.id);
    case 'remove':
      return remove(before, change.id);
    case 'describe':
      return describe(before, change.member);
  }
}

function add(before: Membership, learner: Learner): ChangeOutcome {
  const { id, replaces } = learner;
  if (isMember(before, id)) return refused(`${id} is a manager already`);
  if (before.removed.includes(id)) {
    return refused(`${id} was removed, and an id is used once: give the new manager another one`);
  }
  if (before.voters.length + before.learners.length >= membersMax) {
    return refused(`there are ${membersMax} managers, which is the most`);
  }
  if (replaces !== null && !isVoter(before, replaces)) return refused(`${replaces} is not a voter to be replaced`);
  return changed({ ...before, learners: [...before.learners, learner] });
}

function promote(before: Membership, id: ManagerId): ChangeOutcome {
  const learner = before.learners.find((one) => one.id === id);
  if (learner === undefined) return refused(`${id} is not a learner`);
  const { rpc, http, storeId, reducerMax, replaces } = learner;
  const voter: Member = { id, rpc, http, storeId, reducerMax, replaces };
  return changed({ ...before, voters: [...before.voters, voter], learners: before.learners.filter(isNot(id)) });
}

function remove(before: Membership, id: ManagerId): ChangeOutcome {
  if (!isMember(before, id)) return refused(`${id} is not a manager`);
  const voters = before.voters.filter(isNot(id));
  if (voters.length === 0) return refused(`${id} is the last voter`);
  return changed({
    voters: voters.map((one) => forgetReplaced(one, id)),
    learners: before.learners.filter(isNot(id)).map((one) => forgetReplaced(one, id)),
    removed: [...before.removed, id],
  });
}

function describe(before: Membership, member: Member): ChangeOutcome {
  const known = [...before.voters, ...before.learners].find((one) => one.id === member.id);
  if (known === undefined) return refused(`${member.id} is not a manager`);
  if (known.storeId !== null && known.storeId !== member.storeId) {
    return refused(`${member.id} has another data directory than the one it joined with`);
  }
  const { rpc, http, storeId, reducerMax } = member;
  const update = <One extends Member>(one: One): One =>
    one.id === member.id ? { ...one, rpc, http, storeId, reducerMax } : one;
  return changed({ ...before, voters: before.voters.map(update), learners: before.learners.map(update) });
}

function forgetReplaced<One extends Member>(one: One, id: ManagerId): One {
  return one.replaces === id ? { ...one, replaces: null } : one;
}

const isNot = (id: ManagerId) => (one: Member): boolean => one.id !== id;
const changed = (membership: Membership): ChangeOutcome => ({ kind: 'changed', membership });
const refused = (reason: string): ChangeOutcome => ({ kind: 'refused', reason });

export function isVoter(membership: Membership, id: ManagerId): boolean {
  return membership.voters.some((one) => one.id === id);
}

export function isMember(membership: Membership, id: ManagerId): boolean {
  return isVoter(membership, id) || membership.learners.some((one) => one.id === id);
}

export function memberOf(membership: Membership, id: ManagerId): Member | Learner | null {
  return [...membership.voters, ...membership.learners].find((one) => one.id === id) ?? null;
}
