import { describe, expect, it } from 'vitest';
import { managerId } from '../base/index.js';
import { bootstrapMembership, changeMembership } from '../raft/index.js';
import type { Membership } from '../raft/index.js';
import { PeerMemory, whyExpelled } from './peer-memory.js';
import type { KnownMembers } from './peer-memory.js';

const [m1, m2] = [managerId('m1'), managerId('m2')];
const three = bootstrapMembership([m1, m2, managerId('m3')]);

function after(before: Membership, ...changes: Parameters<typeof changeMembership>[1][]): Membership {
  return changes.reduce((membership, change) => {
    const outcome = changeMembership(membership, change);
    if (outcome.kind === 'refused') throw new Error(outcome.reason);
    return outcome.membership;
  }, before);
}

const claim = (storeId: string | null, storeGeneration: number | null) => ({ from: m2, storeId, storeGeneration });
const pinned = after(three, {
  kind: 'describe', member: { id: m2, rpc: null, http: null, storeId: 's2', reducerMax: 1, replaces: null },
});

const known = (committedMembership: Membership, membership = committedMembership): KnownMembers =>
  ({ membership, committedMembership });

describe('who may speak', () => {
  it('not one with another store than stands in the log, but for good only when that is committed', () => {
    let members = known(three, pinned);
    const memory = new PeerMemory(() => members);
    const refusal = memory.judge(claim('s3', 1));
    expect(refusal?.reason).toBe('other-store-unsure');
    expect(whyExpelled(m2, refusal?.reason ?? '', 'd')).toBeNull();
    expect(memory.judge(claim('s2', 1))).toBeNull();
    members = known(pinned);
    expect(memory.judge(claim('s3', 1))?.reason).toBe('other-store');
    // Truncated instead, and joined anew by another leader.
    members = known(three);
    expect(memory.judge(claim('s3', 1))).toBeNull();
  });

  it('one whose removal is not committed, but with no other store than its own', () => {
    const leaving = new PeerMemory(() => known(three, after(three, { kind: 'remove', id: m2 })));
    expect(leaving.judge(claim('s2', 1))).toBeNull();
    const leavingKnown = new PeerMemory(() => known(pinned, after(pinned, { kind: 'remove', id: m2 })));
    expect(leavingKnown.judge(claim('s3', 1))?.reason).toBe('other-store');
  });

  it('a member whose store is not known yet, and one of whom nothing is known', () => {
    const memory = new PeerMemory(() => known(three));
    expect(memory.judge(claim('s2', 1))).toBeNull();
    expect(memory.judge({ ...claim('s9', 1), from: managerId('m9') })).toBeNull();
  });

  it('not one that was removed, whatever its store', () => {
    const memory = new PeerMemory(() => known(after(three, { kind: 'remove', id: m2 })));
    expect(memory.judge(claim('s2', 1))?.reason).toBe('removed');
  });

  it('not one with another store than it joined with, or with none', () => {
    const memory = new PeerMemory(() => known(pinned));
    expect(memory.judge(claim('s2', 1))).toBeNull();
    expect(memory.judge(claim('s3', 1))?.reason).toBe('other-store');
    expect(memory.judge(claim(null, 1))?.reason).toBe('other-store');
  });

  it('not one whose store was further on before', () => {
    const memory = new PeerMemory(() => known(pinned));
    memory.accepted(claim('s2', 10));
    memory.heard(m2, 12);
    memory.heard(m2, 11);
    expect(memory.judge(claim('s2', 12))).toBeNull();
    const refusal = { reason: 'older-store', detail: expect.stringContaining('12') as string };
    expect(memory.judge(claim('s2', 11))).toMatchObject(refusal);
    expect(memory.judge(claim('s2', null))?.reason).toBe('older-store');
  });

  it('remembers nothing of one store for another, while none is known', () => {
    const memory = new PeerMemory(() => known(three));
    memory.accepted(claim('s2', 10));
    memory.accepted(claim('s3', 1));
    expect(memory.judge(claim('s3', 1))).toBeNull();
  });
});

describe('a manager that another one refuses', () => {
  it('ends where it can never be taken again, and says what to do', () => {
    expect(whyExpelled(m2, 'removed', 'm1 was removed')).toMatch(/^m2 refuses .*: m1 was removed\. Next: .*another id/);
    expect(whyExpelled(m2, 'other-store', 'd')).toMatch(/joined with/);
    expect(whyExpelled(m2, 'older-store', 'd')).toMatch(/--replaces/);
    for (const passing of ['other-timing', 'wrong-cluster', 'wrong-receiver', 'bad-refusal', 'id-in-use']) {
      expect(whyExpelled(m2, passing, 'd')).toBeNull();
    }
  });
});
