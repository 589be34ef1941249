/** Each rule, held against the shortest story that breaks it: told to the checks by hand, without any node. */
import { describe, expect, it } from 'vitest';
import { logIndex, managerId, term } from '../../../src/base/index.js';
import { bootstrapMembership, emptyBase } from '../../../src/raft/core/index.js';
import type {
  HardState, Message, RaftView, RestoredState, StoredEntry, WriteOutput,
} from '../../../src/raft/core/index.js';
import { RaftInvariants } from '../../support/raft-invariants.js';

const [m1, m2, m3] = [managerId('m1'), managerId('m2'), managerId('m3')];

const noOp = (index: number, inTerm: number): StoredEntry =>
  ({ index: logIndex(index), term: term(inTerm), timeMs: 1, payload: { kind: 'no-op' } });

const hard = (inTerm: number, votedFor: typeof m1 | null): HardState =>
  ({ term: term(inTerm), votedFor, commitIndex: logIndex(0) });

const disk = (hardState: HardState, entries: readonly StoredEntry[]): RestoredState =>
  ({ hardState, snapshot: null, base: emptyBase, entries });

const write = (hardState: HardState | null, entries: readonly StoredEntry[], truncateFrom?: number): WriteOutput => ({
  kind: 'write', seq: 1, hardState, snapshot: null, replacesLog: false, compactTo: null, entries, sync: true,
  truncateFrom: truncateFrom === undefined ? null : logIndex(truncateFrom),
});

function view(id: typeof m1, role: RaftView['role'], at: number, commit: number, last: number): RaftView {
  const membership = bootstrapMembership([m1, m2, m3]);
  return {
    id, role, term: term(at), votedFor: id, leader: role === 'leader' ? id : null, commitIndex: logIndex(commit),
    appliedIndex: logIndex(0), durableIndex: logIndex(last), lastIndex: logIndex(last), lastTerm: term(at),
    membership, isMembershipCommitted: true, committedMembership: membership, voters: [m1, m2, m3],
    baseIndex: logIndex(0), snapshotIndex: logIndex(0), peers: [], halted: false,
  };
}

/** Three nodes; m1 leads term 1 and has written its no-op, durably if so wanted. */
function led(isDurable = true): RaftInvariants {
  const checks = new RaftInvariants({ electionTimeoutTicks: 10 });
  for (const id of [m1, m2, m3]) checks.restarted(id, disk(hard(0, null), []));
  checks.observed(m1, write(hard(1, m1), []));
  checks.durable(m1, disk(hard(1, m1), []));
  checks.observed(m1, write(null, [noOp(1, 1)]));
  checks.observed(m1, { kind: 'role-changed', role: 'leader', term: term(1), leader: m1 });
  checks.view(m1, view(m1, 'leader', 1, 0, 1));
  if (isDurable) checks.durable(m1, disk(hard(1, m1), [noOp(1, 1)]));
  return checks;
}

const grant: Message = { kind: 'vote-response', term: term(1), granted: true };
const acknowledgement: Message = {
  kind: 'append-response', accepted: true, term: term(1), matchIndex: logIndex(1), readRound: 0, isDiskLow: false,
};

function followed(checks: RaftInvariants): void {
  checks.observed(m2, write(hard(1, m1), [noOp(1, 1)]));
  checks.durable(m2, disk(hard(1, m1), [noOp(1, 1)]));
  checks.view(m2, { ...view(m2, 'follower', 1, 0, 1), votedFor: m1, leader: m1 });
}

const stories: Readonly<Record<string, readonly [sentence: string, (checks: RaftInvariants) => void]>> = {
  'two leaders': ['election safety', (checks) => {
    checks.observed(m2, { kind: 'role-changed', role: 'leader', term: term(1), leader: m2 });
  }],
  'a vote that is not on the disk': ['durable votes', (checks) => checks.sent(m2, m1, grant)],
  'two votes': ['one vote per term', (checks) => {
    followed(checks);
    checks.durable(m2, disk(hard(1, m3), [noOp(1, 1)]));
  }],
  'an acknowledgement that is not on the disk': ['durable acknowledgements', (checks) => {
    checks.observed(m2, write(hard(1, m1), [noOp(1, 1)]));
    checks.durable(m2, disk(hard(1, m1), []));
    checks.sent(m2, m1, acknowledgement);
  }],
  'a commit without a majority': ['quorum log', (checks) => checks.view(m1, view(m1, 'leader', 1, 1, 1))],
  'a leader without what is committed': ['leader completeness', (checks) => {
    followed(checks);
    checks.view(m1, view(m1, 'leader', 1, 1, 1));
    checks.observed(m3, write(hard(2, m3), []));
    checks.durable(m3, disk(hard(2, m3), []));
    checks.observed(m3, { kind: 'role-changed', role: 'leader', term: term(2), leader: m3 });
  }],
  'a leader that cuts its own log': ['leader append-only', (checks) => {
    checks.observed(m1, write(null, [], 1));
    checks.view(m1, view(m1, 'leader', 1, 0, 0));
  }],
  'two entries at one place': ['log matching', (checks) => {
    checks.observed(m2, write(hard(1, m1), [{ ...noOp(1, 1), timeMs: 2 }]));
  }],
  'a vote right after an acknowledgement': ['stickiness', (checks) => {
    followed(checks);
    checks.observed(m2, { kind: 'send', to: m1, message: acknowledgement, after: null });
    checks.ticked(m2);
    const request = { term: term(2), lastIndex: logIndex(1), lastTerm: term(1), isTransfer: false };
    checks.received(m2, m3, { kind: 'vote-request', ...request });
    checks.observed(m2, { kind: 'send', to: m3, message: { ...grant, term: term(2) }, after: null });
  }],
  'an entry applied before it is durable': ['durable apply', (checks) => {
    checks.observed(m2, write(hard(1, m1), [noOp(1, 1)]));
    checks.observed(m2, { kind: 'apply', entries: [noOp(1, 1)] });
  }],
  'a done proposal that nobody applied': ['acknowledged', (checks) => checks.acked({ index: 1, term: 1 })],
};

describe('the rules of Raft, from outside', () => {
  it.each(Object.entries(stories))('see %s', (_, [sentence, tell]) => {
    const checks = led();
    expect(checks.violations).toEqual([]);
    tell(checks);
    expect(checks.violations).toEqual(expect.arrayContaining([expect.stringContaining(sentence)]));
  });

  it('say nothing about a commit that a majority holds', () => {
    const checks = led();
    followed(checks);
    checks.sent(m2, m1, acknowledgement);
    checks.view(m1, view(m1, 'leader', 1, 1, 1));
    checks.observed(m1, { kind: 'apply', entries: [noOp(1, 1)] });
    checks.acked({ index: 1, term: 1 });
    expect(checks.violations).toEqual([]);
    expect(checks.committedIndex).toBe(1);
  });
});
