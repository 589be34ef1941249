import { describe, expect, it } from 'vitest';
import { managerId } from '../../base/index.js';
import type { Learner, Membership, MembershipChange } from './membership.js';
import { bootstrapMembership, changeMembership, isMember, isVoter, membersMax, unknownMember } from './membership.js';

const [m1, m2, m3, m4] = ['m1', 'm2', 'm3', 'm4'].map(managerId) as [never, never, never, never];
const three = bootstrapMembership([m1, m2, m3]);

const learner = (id: string, more: Partial<Learner> = {}): Learner =>
  ({ ...unknownMember(managerId(id)), then: 'vote', ...more });

function changed(before: Membership, ...changes: readonly MembershipChange[]): Membership {
  return changes.reduce((membership, change) => {
    const outcome = changeMembership(membership, change);
    if (outcome.kind === 'refused') throw new Error(outcome.reason);
    return outcome.membership;
  }, before);
}

function reason(before: Membership, change: MembershipChange): string {
  const outcome = changeMembership(before, change);
  return outcome.kind === 'refused' ? outcome.reason : 'not refused';
}

describe('a change of the managers', () => {
  it('adds a learner, which becomes a voter and stays described', () => {
    const described = { ...unknownMember(m4), rpc: 'a:1', http: 'a:2', storeId: 's4', reducerMax: 2 };
    const after = changed(
      three,
      { kind: 'add', learner: learner('m4') },
      { kind: 'describe', member: described },
      { kind: 'promote', id: m4 },
    );
    expect(after.learners).toEqual([]);
    expect(after.voters.at(-1)).toEqual(described);
    expect(isVoter(after, m4)).toBe(true);
  });

  it('changes one voter at a time', () => {
    const added = changed(three, { kind: 'add', learner: learner('m4', { replaces: m2 }) });
    expect(added.voters).toEqual(three.voters);
    const promoted = changed(added, { kind: 'promote', id: m4 });
    expect(promoted.voters).toHaveLength(4);
    const replaced = changed(promoted, { kind: 'remove', id: m2 });
    expect(replaced.voters.map(({ id, replaces }) => [id, replaces])).toEqual([[m1, null], [m3, null], [m4, null]]);
    expect(replaced.removed).toEqual([m2]);
    expect(isMember(replaced, m2)).toBe(false);
  });

  it('never takes back an id that was removed', () => {
    const removed = changed(three, { kind: 'remove', id: m2 });
    expect(reason(removed, { kind: 'add', learner: learner('m2') })).toContain('was removed');
  });

  it('never changes the store that speaks for an id', () => {
    const known = changed(three, { kind: 'describe', member: { ...unknownMember(m2), storeId: 's2' } });
    const other: MembershipChange = { kind: 'describe', member: { ...unknownMember(m2), storeId: 's3' } };
    expect(reason(known, other)).toContain('another data directory');
    expect(changed(known, { kind: 'describe', member: { ...unknownMember(m2), storeId: 's2', rpc: 'b:1' } }).voters[1])
      .toMatchObject({ storeId: 's2', rpc: 'b:1' });
  });

  it('is refused when it makes no sense', () => {
    expect(reason(three, { kind: 'add', learner: learner('m1') })).toContain('already');
    const ofNobody = learner('m4', { replaces: managerId('m9') });
    expect(reason(three, { kind: 'add', learner: ofNobody })).toContain('not a voter');
    expect(reason(three, { kind: 'promote', id: m1 })).toContain('not a learner');
    expect(reason(three, { kind: 'remove', id: m4 })).toContain('not a manager');
    expect(reason(bootstrapMembership([m1]), { kind: 'remove', id: m1 })).toContain('last voter');
    expect(reason(three, { kind: 'describe', member: unknownMember(m4) })).toContain('not a manager');
    const full = bootstrapMembership(Array.from({ length: membersMax }, (_, at) => managerId(`v${at}`)));
    expect(reason(full, { kind: 'add', learner: learner('m4') })).toContain('the most');
  });
});
