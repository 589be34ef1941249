import { describe, expect, it } from 'vitest';
import { managerId } from '../base/index.js';
import type { ManagerId } from '../base/index.js';
import type { AddManagerRequest } from '../http/index.js';
import { bootstrapMembership, unknownMember } from '../raft/index.js';
import type { Learner, Membership } from '../raft/index.js';
import { planAdd, planRemove, planTransfer } from './managers-plan.js';
import type { Plan, QuorumSight } from './managers-plan.js';

const ids = (...names: string[]): ManagerId[] => names.map(managerId);
const [m1, m2, m3, m4] = ids('m1', 'm2', 'm3', 'm4') as [ManagerId, ManagerId, ManagerId, ManagerId];

function membershipOf(voters: readonly ManagerId[], part: Partial<Membership> = {}): Membership {
  const base = bootstrapMembership(voters);
  const at = (id: ManagerId) => ({ rpc: `h${id}:7400`, http: `h${id}:7401` });
  return { ...base, voters: base.voters.map((voter) => ({ ...voter, ...at(voter.id) })), ...part };
}

/** Seen from m1, which leads; all answer but `away`. */
function sight(part: Partial<QuorumSight> & { readonly away?: readonly ManagerId[] } = {}): QuorumSight {
  const { away = [], ...rest } = part;
  return {
    self: m1, membership: membershipOf([m1, m2, m3]), counts: (id) => !away.includes(id), behind: () => 0,
    isDiskLow: () => false, about: () => ({ storeId: 's4', reducerMax: 1 }), reducerVersion: 1, operations: [], ...rest,
  };
}

const learner = (part: Partial<Learner> = {}): Learner =>
  ({ ...unknownMember(m4), rpc: 'hm4:7400', http: 'hm4:7401', then: 'vote', ...part });

const add: AddManagerRequest =
  { id: 'm4', rpc: 'hm4:7400', http: 'hm4:7401', learner: false, replaces: null, dryRun: false };
const gently = { force: false, dryRun: false };

const risksOf = (plan: Plan<unknown> | null): string => (plan?.kind === 'change' ? plan.risks.join('; ') : '-');
const reasonsOf = (plan: Plan<unknown> | null): string => (plan?.kind === 'refused' ? plan.reasons.join('; ') : '-');

describe('adding a manager', () => {
  it('makes it a learner that votes by itself, and says that an even number gains nothing', () => {
    const plan = planAdd(sight(), add);
    expect(plan).toMatchObject({
      kind: 'change', change: { kind: 'add', learner: learner({ storeId: 's4' }) }, done: 'm4 is a learner now',
    });
    expect(plan.kind === 'change' && plan.steps[1]).toBe(
      'when it has caught up it votes, by itself: 4 voters, of which 3 are a majority',
    );
    expect(risksOf(plan)).toBe('4 voters tolerate 1 loss, no more than 3 do');
    expect(risksOf(planAdd(sight({ membership: membershipOf([m1]) }), add))).toContain('2 voters tolerate no loss');
    const five = planAdd(sight({ membership: membershipOf([m1, m2, m3, ...ids('m5')]) }), add);
    expect(risksOf(five)).toBe('');
  });

  it('in place of another one ends with as many voters, and one id less', () => {
    const plan = planAdd(sight({ away: [m3] }), { ...add, replaces: 'm3' });
    expect(plan).toMatchObject({ change: { learner: { replaces: 'm3', then: 'vote' } } });
    expect(plan.kind === 'change' && plan.steps[2]).toContain('m3 is removed');
    expect(risksOf(plan)).toBe('the id m3 can never be used again');
  });

  it('says when the new one was not heard yet', () => {
    expect(risksOf(planAdd(sight({ about: () => null }), add))).toMatch(/^m4 has not been heard here yet/);
  });

  it('is refused with every reason at once', () => {
    const membership = membershipOf([m1, m2, m3], { learners: [learner({ id: managerId('m5'), rpc: 'h5:1' })] });
    const request = { ...add, rpc: 'hm2:7400', http: 'hm3:7401', replaces: 'm5', learner: true };
    expect(reasonsOf(planAdd(sight({ membership }), request)).split('; ')).toEqual([
      'hm2:7400 is an address of m2',
      'hm3:7401 is an address of m3',
      'm5 is a learner: remove it instead',
      'a learner replaces nobody: leave out --learner or --replaces',
    ]);
    const removed = membershipOf([m1, m2, m3], { removed: [m4] });
    expect(reasonsOf(planAdd(sight({ membership: removed }), add))).toMatch(/^m4 was removed, and an id is used once/);
    expect(reasonsOf(planAdd(sight({ reducerVersion: 2 }), add))).toContain('use a newer build');
    const nine = membershipOf(ids('m1', 'm2', 'm3', 'm5', 'm6', 'm7', 'm8', 'm9', 'm10'));
    expect(reasonsOf(planAdd(sight({ membership: nine }), add))).toContain('there are 9 managers');
  });

  it('changes nothing for one that is there with the same facts, in every stage of its way', () => {
    const learning = membershipOf([m1, m2, m3], { learners: [learner({ replaces: m3 })] });
    expect(planAdd(sight({ membership: learning }), { ...add, replaces: 'm3' })).toEqual({
      kind: 'unchanged', sentence: 'm4 is a manager already, and votes once it has caught up',
    });
    const both = membershipOf([m1, m2, m3, m4]);
    expect(planAdd(sight({ membership: both }), add)).toMatchObject({ kind: 'unchanged' });
    const replaced = membershipOf([m1, m2, m4], { removed: [m3] });
    expect(planAdd(sight({ membership: replaced }), { ...add, replaces: 'm3' })).toMatchObject({ kind: 'unchanged' });
  });

  it('is refused for one that is there with other facts', () => {
    const membership = membershipOf([m1, m2, m3, m4]);
    const request = { ...add, http: 'elsewhere:1', replaces: 'm3', learner: true };
    expect(reasonsOf(planAdd(sight({ membership }), request)).split('; ')).toEqual([
      'its --http is hm4:7401, not elsewhere:1',
      'it was not added to replace m3: remove that one instead',
      'it is a voter already',
    ]);
  });

  it('makes a learner that stayed a voter, once it has caught up', () => {
    const membership = membershipOf([m1, m2, m3], { learners: [learner({ then: 'stay' })] });
    expect(planAdd(sight({ membership }), add)).toMatchObject({ change: { kind: 'promote', id: 'm4' } });
    expect(planAdd(sight({ membership }), { ...add, learner: true })).toMatchObject({ kind: 'unchanged' });
    expect(reasonsOf(planAdd(sight({ membership, behind: () => 101 }), add))).toBe('it has not caught up yet');
    expect(reasonsOf(planAdd(sight({ membership, away: [m4] }), add))).toMatch(/does not answer/);
  });
});

describe('removing a manager', () => {
  it('says what is left', () => {
    const plan = planRemove(sight(), m3, gently);
    expect(plan).toMatchObject({ change: { kind: 'remove', id: 'm3' } });
    expect(risksOf(plan)).toMatch(/2 voters tolerate no loss.*the id m3 can never be used again/);
    expect(plan?.kind === 'change' && plan.steps[0]).toContain('2 voters, of which 2 are a majority');
  });

  it('of the leader begins with a hand-over', () => {
    const plan = planRemove(sight(), m1, gently);
    expect(plan?.kind === 'change' && plan.steps[0]).toBe('m1 leads: hand the leadership to another voter first');
  });

  it('is refused when those that remain and answer are no majority, unless forced', () => {
    const view = sight({ away: [m3] });
    expect(reasonsOf(planRemove(view, m2, gently))).toBe(
      'of the voters that remain (m1, m3) only m1 answers, and a majority is 2: nothing could be decided',
    );
    expect(risksOf(planRemove(view, m2, { ...gently, force: true }))).toContain('nothing could be decided');
    // The dead one itself may go.
    expect(planRemove(view, m3, gently)).toMatchObject({ kind: 'change' });
  });

  it('warns when one more loss would stop everything', () => {
    const five = membershipOf([m1, m2, m3, m4, ...ids('m5')]);
    const plan = planRemove(sight({ membership: five, away: [m3] }), m2, gently);
    expect(risksOf(plan)).toContain('m3 does not answer: the loss of one more voter would stop everything');
    expect(risksOf(planRemove(sight({ membership: five }), m2, gently))).not.toContain('one more');
  });

  it('changes nothing for one that is gone, and knows who never was', () => {
    const membership = membershipOf([m1, m2, m3], { removed: [m4] });
    expect(planRemove(sight({ membership }), m4, gently)).toEqual({
      kind: 'unchanged', sentence: 'm4 was removed already',
    });
    expect(planRemove(sight(), m4, gently)).toBeNull();
  });

  it('never takes the last voter, and takes a learner without a word about majorities', () => {
    const alone = membershipOf([m1], { learners: [learner()] });
    expect(reasonsOf(planRemove(sight({ membership: alone }), m1, { ...gently, force: true }))).toBe(
      'm1 is the last voter',
    );
    const plan = planRemove(sight({ membership: alone }), m4, gently);
    expect(risksOf(plan)).toMatch(/^the id m4 can never be used again/);
  });
});

describe('handing over the leadership', () => {
  const to = (name: string | null, from: string | null = null) => ({ to: name, from, dryRun: false });

  it('goes to whom it was asked for, or to the best prepared', () => {
    expect(planTransfer(sight(), to('m2'))).toMatchObject({ kind: 'change', change: 'm2' });
    expect(planTransfer(sight(), to(null, 'm1'))).toMatchObject({ kind: 'change', change: null });
  });

  it('has nothing to do when it has come about already', () => {
    expect(planTransfer(sight(), to('m1'))).toMatchObject({ kind: 'unchanged', sentence: 'm1 leads already' });
    expect(planTransfer(sight(), to(null, 'm2'))).toMatchObject({ kind: 'unchanged' });
    expect(planTransfer(sight(), to('m3', 'm2'))).toMatchObject({ kind: 'change', change: 'm3' });
  });

  it('is refused for who cannot lead, with who could', () => {
    const membership = membershipOf([m1, m2, m3], { learners: [learner()] });
    const view = sight({ membership, away: [m3] });
    expect(reasonsOf(planTransfer(view, to('m3')))).toBe('m3 does not answer');
    expect(reasonsOf(planTransfer(view, to('m4')))).toBe('m4 is a learner, and only voters lead');
    expect(reasonsOf(planTransfer(view, to('m9')))).toBe('m9 is not a manager');
    expect(planTransfer(view, to('m9'))).toMatchObject({ next: 'm2 could lead; m1 leads on' });
    expect(reasonsOf(planTransfer(sight({ away: [m2, m3] }), to(null)))).toBe('no other voter answers');
  });

  it('says what it does to operations, and to whom it would not stay', () => {
    const view = sight({ operations: ['switchover so-1 of app1'], isDiskLow: (id) => id === m2 });
    expect(risksOf(planTransfer(view, to('m2')))).toMatch(/^switchover so-1 of app1 runs: .*disk of m2 is almost full/);
  });
});
