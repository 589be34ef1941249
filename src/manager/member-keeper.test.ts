import { describe, expect, it } from 'vitest';
import { managerId } from '../base/index.js';
import type { ManagerId } from '../base/index.js';
import { bootstrapMembership, changeMembership } from '../raft/index.js';
import type { Membership, MembershipChange, RaftNode } from '../raft/index.js';
import type { About } from '../rpc/index.js';
import { MemberKeeper } from './member-keeper.js';

const [m1, m2] = [managerId('m1'), managerId('m2')];
const about = (host: string, storeId: string, reducerMax = 1): About =>
  ({ storeId, storeGeneration: 1, rpc: { host, port: 1 }, http: { host, port: 2 }, reducerMax });

function keeperOf(role: 'leader' | 'follower', abouts: ReadonlyMap<ManagerId, About>) {
  let membership: Membership = bootstrapMembership([m1, m2]);
  const changes: MembershipChange[] = [];
  const raised: number[] = [];
  const raft = {
    status: () => ({ role, leader: m1, membership }),
    changeMembership: (change: MembershipChange) => {
      changes.push(change);
      const outcome = changeMembership(membership, change);
      if (outcome.kind === 'changed') membership = outcome.membership;
      return Promise.resolve({ kind: outcome.kind === 'changed' ? 'applied' : 'dropped' });
    },
  } as unknown as RaftNode;
  const keeper = new MemberKeeper({
    self: m1,
    raft,
    abouts: () => abouts,
    raiseTo: (maxes) => (Math.min(...maxes) > 1 && raised.length === 0 ? Math.min(...maxes) : null),
    raise: (to) => Promise.resolve(void raised.push(to)),
    log: () => undefined,
  });
  return { keeper, changes, raised, membership: () => membership };
}

describe('the leader', () => {
  it('writes down what each manager says of itself, once, and then raises the reducer version', async () => {
    const { keeper, changes, raised, membership } =
      keeperOf('leader', new Map([[m1, about('a', 's1', 2)], [m2, about('b', 's2', 3)]]));
    for (let times = 0; times < 5; times += 1) await keeper.keep();
    expect(changes).toHaveLength(2);
    expect(membership().voters).toMatchObject([{ id: m1, rpc: 'a:1', storeId: 's1' }, { id: m2, http: 'b:2' }]);
    expect(raised).toEqual([2]);
  });

  it('does not take another store for a member, nor anything of a stranger', async () => {
    const abouts = new Map([[m2, about('b', 's2')], [managerId('m9'), about('z', 's9')]]);
    const { keeper, changes, membership } = keeperOf('leader', abouts);
    await keeper.keep();
    abouts.set(m2, about('b', 'another'));
    await keeper.keep();
    expect(changes).toHaveLength(1);
    expect(membership().voters[1]).toMatchObject({ storeId: 's2' });
  });
});

it('a follower changes nothing', async () => {
  const { keeper, changes } = keeperOf('follower', new Map([[m2, about('b', 's2')]]));
  await keeper.keep();
  expect(changes).toEqual([]);
});
