import { describe, expect, it } from 'vitest';
import { logIndex, managerId, term } from '../base/index.js';
import type { ManagerId } from '../base/index.js';
import type { AddManagerRequest } from '../http/index.js';
import { bootstrapMembership } from '../raft/index.js';
import type { Membership, MembershipChange, ProposeOutcome, RaftNode, TransferOutcome } from '../raft/index.js';
import { addManager, removeManager, transferLeadership } from './managers-change.js';

const [m1, m2, m3] = ['m1', 'm2', 'm3'].map(managerId) as [ManagerId, ManagerId, ManagerId];
const three = bootstrapMembership([m1, m2, m3]);
const applied: ProposeOutcome = { kind: 'applied', index: logIndex(9), term: term(2), result: null };
const busy: ProposeOutcome = { kind: 'dropped', reason: 'another change is not committed yet', isPassing: true };

interface Scene {
  /** The last one for ever. */
  readonly outcomes?: readonly ProposeOutcome[];
  readonly transfer?: TransferOutcome;
}

/** A leader m1 that answers what the test gives; time moves by sleeping alone. */
function leader({ outcomes = [applied], transfer }: Scene = {}) {
  const changes: MembershipChange[] = [];
  const transfers: (ManagerId | null)[] = [];
  const scene: { membership: Membership; nowMs: number } = { membership: three, nowMs: 0 };
  const raft = {
    status: () => ({ id: m1, leader: m1 }),
    changeMembership: (change: MembershipChange) => {
      changes.push(change);
      return Promise.resolve(outcomes[Math.min(changes.length, outcomes.length) - 1]);
    },
    transferLeadership: (target: ManagerId | null) => {
      transfers.push(target);
      return Promise.resolve(transfer);
    },
  } as unknown as RaftNode;
  const sight = () => ({
    self: m1, membership: scene.membership, counts: () => true, behind: () => 0, isDiskLow: () => false,
    about: () => null, reducerVersion: 1, operations: [],
  });
  const clock = { nowMs: () => scene.nowMs, sleep: (ms: number) => Promise.resolve(void (scene.nowMs += ms)) };
  return { parts: { raft, sight, clock }, changes, transfers, scene };
}

const add: AddManagerRequest =
  { id: 'm4', rpc: 'h4:7400', http: 'h4:7401', learner: false, replaces: null, dryRun: false };
const remove = { force: false, dryRun: false };

describe('a change of the managers', () => {
  it('is committed, and told with its plan and risks', async () => {
    const { parts, changes } = leader();
    expect(await addManager(parts, add)).toMatchObject({
      outcome: 'changed', sentence: 'm4 is a learner now', refusals: [], leader: 'm1',
      risks: [expect.stringContaining('not been heard'), expect.stringContaining('4 voters')],
    });
    expect(changes).toHaveLength(1);
  });

  it('does nothing in a dry run, and lists what speaks against it', async () => {
    const { parts, changes, transfers } = leader();
    expect(await addManager(parts, { ...add, dryRun: true })).toMatchObject({ outcome: 'planned', refusals: [] });
    const refused = await addManager(parts, { ...add, dryRun: true, replaces: 'm9' });
    expect(refused).toMatchObject({ outcome: 'planned', plan: [], refusals: ['m9 is not a manager'] });
    expect(refused.next).not.toBeNull();
    await removeManager(parts, m1, { ...remove, dryRun: true });
    await transferLeadership(parts, { to: null, from: null, dryRun: true });
    expect([changes, transfers]).toEqual([[], []]);
  });

  it('is refused with reasons, and nothing is proposed', async () => {
    const { parts, changes } = leader();
    await expect(addManager(parts, { ...add, replaces: 'm9' })).rejects.toMatchObject({
      code: 'refused', details: ['m9 is not a manager'],
    });
    await expect(removeManager(parts, managerId('m9'), remove)).rejects.toMatchObject({ code: 'not-found' });
    expect(changes).toEqual([]);
  });

  it('waits while another change is under way, and plans anew on what that one made', async () => {
    const { parts, changes, scene } = leader({ outcomes: [busy] });
    const removal = removeManager(parts, m3, remove);
    await Promise.resolve();
    // Somebody else removed it meanwhile.
    scene.membership = { ...bootstrapMembership([m1, m2]), removed: [m3] };
    expect(await removal).toMatchObject({ outcome: 'unchanged', sentence: 'm3 was removed already' });
    expect(changes.length).toBeLessThanOrEqual(2);
  });

  it('gives up waiting in the end', async () => {
    const { parts, scene } = leader({ outcomes: [busy] });
    await expect(addManager(parts, add)).rejects.toMatchObject({ code: 'refused', why: busy.reason });
    expect(scene.nowMs).toBe(10_000);
  });

  it('whose outcome is unknown is neither done nor refused, and is not proposed again', async () => {
    const { parts, changes } = leader({ outcomes: [{ kind: 'unknown', reason: 'not applied within 10000 ms' }] });
    await expect(addManager(parts, add)).rejects.toMatchObject({ code: 'unknown-outcome' });
    expect(changes).toHaveLength(1);
  });

  it('of a leader that lost its leadership is left to the next one', async () => {
    const { parts } = leader({ outcomes: [{ kind: 'not-leader', leader: m2 }] });
    await expect(addManager(parts, add)).rejects.toMatchObject({ code: 'not-leader', why: 'm2 leads now' });
  });
});

describe('removing the leader', () => {
  it('hands over first and leaves the removal to the new leader', async () => {
    const { parts, changes, transfers } = leader({ transfer: { kind: 'transferred', leader: m2 } });
    await expect(removeManager(parts, m1, remove)).rejects.toMatchObject({ code: 'not-leader', why: 'm2 leads now' });
    expect([changes, transfers]).toEqual([[], [null]]);
  });

  it('is refused when nobody can take over', async () => {
    const { parts, changes } = leader({ transfer: { kind: 'refused', reason: 'no other voter answers' } });
    await expect(removeManager(parts, m1, remove)).rejects.toMatchObject({
      code: 'refused', why: expect.stringContaining('no other voter answers') as string,
    });
    expect(changes).toEqual([]);
  });
});

describe('handing over', () => {
  const to = { to: 'm2', from: 'm1', dryRun: false };

  it('names who leads afterwards', async () => {
    const { parts, transfers } = leader({ transfer: { kind: 'transferred', leader: m2 } });
    expect(await transferLeadership(parts, to)).toMatchObject({
      outcome: 'changed', sentence: 'm2 leads now', leader: 'm2',
    });
    expect(transfers).toEqual(['m2']);
  });

  it('tells a refusal from not knowing', async () => {
    const refused = leader({ transfer: { kind: 'refused', reason: 'it did not catch up in time' } });
    await expect(transferLeadership(refused.parts, to)).rejects.toMatchObject({
      code: 'refused', why: 'it did not catch up in time',
    });
    const unknown = leader({ transfer: { kind: 'unknown', reason: 'no other leader was heard within 10000 ms' } });
    await expect(transferLeadership(unknown.parts, to)).rejects.toMatchObject({ code: 'unknown-outcome' });
  });
});
