import { describe, expect, it, vi } from 'vitest';
import { createPrng, managerId, term } from '../base/index.js';
import type { RaftNode, RaftStatus } from '../raft/index.js';
import { bootstrapMembership, nodeTimers } from '../raft/index.js';
import { HaMachine } from './ha-machine.js';
import { HaSide } from './ha-side.js';

function sideOf() {
  const listeners: ((status: RaftStatus) => void)[] = [];
  const self = managerId('m1');
  const membership = bootstrapMembership([self]);
  const raft = {
    status: () => ({ id: self, role: 'leader', voters: [self], membership, term: term(3) }),
    onApplied: () => undefined,
    onRoleChange: (listener: (status: RaftStatus) => void) => void listeners.push(listener),
    proveLeadership: () => Promise.resolve({ kind: 'not-leader' }),
  } as unknown as RaftNode;
  const side = new HaSide({
    self,
    electionTimeoutMs: 1000,
    raft,
    rpc: { send: () => undefined, on: () => undefined } as never,
    machine: new HaMachine(),
    watch: () => ({
      follow: () => undefined,
      latest: () => new Map(),
      probeAll: () => Promise.resolve(),
      stop: () => undefined,
    }),
    servers: {} as never,
    clock: { nowMs: () => 0, sleep: () => Promise.resolve() },
    timers: { ...nodeTimers, every: () => () => undefined },
    random: createPrng(1),
    proposer: 'm-1',
    report: vi.fn(),
    log: vi.fn(),
    onBug: (thrown) => expect.unreachable(String(thrown)),
  });
  side.start();
  const become = (role: 'leader' | 'follower', at: number): void => {
    const leader = role === 'leader' ? self : null;
    const status = { id: self, role, term: term(at), leader, membership } as RaftStatus;
    for (const listener of listeners) listener(status);
  };
  return { side, become };
}

describe('the reigns of a manager', () => {
  it('begin at each election', () => {
    const { side, become } = sideOf();
    become('leader', 3);
    expect(side.reign?.term).toBe(3);
    become('follower', 4);
    expect(side.reign).toBeNull();
    become('leader', 5);
    expect(side.reign?.term).toBe(5);
  });

  it('do not begin again once it is about to stop', () => {
    const { side, become } = sideOf();
    become('leader', 3);
    side.endReign();
    become('follower', 4);
    become('leader', 5);
    expect(side.reign).toBeNull();
  });
});
