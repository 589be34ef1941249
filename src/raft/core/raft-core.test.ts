/** Single rules of one core. Whole clusters: test/scenarios/raft. */
import { describe, expect, it } from 'vitest';
import { createPrng, logIndex, managerId, term } from '../../base/index.js';
import type { RaftCoreConfig } from './config.js';
import { raftCoreDefaults } from './config.js';
import type { StoredEntry } from './entry.js';
import { bootstrapMembership } from './membership.js';
import type { Message } from './message.js';
import type { Output } from './output.js';
import { RaftCore } from './raft-core.js';
import { emptyBase } from './snapshot.js';

const [m1, m2, m3] = [managerId('m1'), managerId('m2'), managerId('m3')];
const config: RaftCoreConfig = { ...raftCoreDefaults, id: m1, bootstrap: bootstrapMembership([m1, m2, m3]) };

const voteRequest = { kind: 'vote-request', isTransfer: false } as const;
const nothingStored = { snapshot: null, base: emptyBase, entries: [] };

function coreWith(entryTerms: readonly number[], currentTerm: number, commit = 0): RaftCore {
  const entries: StoredEntry[] = entryTerms.map((value, at) => ({
    index: logIndex(at + 1),
    term: term(value),
    timeMs: 0,
    payload: { kind: 'no-op' },
  }));
  const hardState = { term: term(currentTerm), votedFor: null, commitIndex: logIndex(commit) };
  return new RaftCore(config, { hardState, snapshot: null, base: emptyBase, entries }, createPrng(1));
}

function receive(core: RaftCore, from: typeof m1, message: Message): readonly Output[] {
  return core.step({ kind: 'receive', from, message });
}

const tick = (core: RaftCore): readonly Output[] => core.step({ kind: 'tick', nowMs: 0 });

function untilCampaign(core: RaftCore): void {
  for (let ticks = 0; ticks < 2 * config.electionTimeoutTicks; ticks += 1) {
    if (core.inspect().role === 'follower') tick(core);
  }
  expect(core.inspect().role).not.toBe('follower');
}

/** T passes; the seed's first timeout is longer, so it does not campaign. */
function endStickiness(core: RaftCore): void {
  for (let ticks = 0; ticks < config.electionTimeoutTicks; ticks += 1) core.step({ kind: 'tick', nowMs: 0 });
  expect(core.inspect().role).toBe('follower');
}

const sends = (outputs: readonly Output[]) => outputs.filter((output) => output.kind === 'send');

function append(overrides: Partial<Extract<Message, { kind: 'append-request' }>>): Message {
  return {
    kind: 'append-request',
    term: term(2),
    prevIndex: logIndex(0),
    prevTerm: term(0),
    commitIndex: logIndex(0),
    readRound: 0,
    entries: [],
    ...overrides,
  };
}

describe('a core', () => {
  it('draws each election timeout anew, in [T, 2T)', () => {
    const timeouts = new Set<number>();
    const core = coreWith([], 0);
    for (let attempt = 0; attempt < 50; attempt += 1) {
      let ticks = 0;
      let outputs: readonly Output[] = [];
      while (sends(outputs).length === 0) {
        outputs = core.step({ kind: 'tick', nowMs: 0 });
        ticks += 1;
      }
      timeouts.add(ticks);
    }
    expect(Math.min(...timeouts)).toBeGreaterThanOrEqual(config.electionTimeoutTicks);
    expect(Math.max(...timeouts)).toBeLessThan(2 * config.electionTimeoutTicks);
    expect(timeouts.size).toBeGreaterThan(5);
  });

  it('answers a pre-vote of a lower term with a refusal and its own term', () => {
    const core = coreWith([], 5);
    const request: Message = { kind: 'pre-vote-request', term: term(3), lastIndex: logIndex(9), lastTerm: term(3) };
    expect(sends(receive(core, m2, request))).toEqual([
      { kind: 'send', to: m2, message: { kind: 'pre-vote-response', term: 5, granted: false }, after: null },
    ]);
  });

  it('refuses a candidate whose log is behind, but takes over its term first', () => {
    const core = coreWith([1, 1], 1);
    endStickiness(core);
    const request: Message = { ...voteRequest, term: term(4), lastIndex: logIndex(1), lastTerm: term(1) };
    const outputs = receive(core, m2, request);
    expect(outputs[0]).toMatchObject({ kind: 'write', seq: 1, sync: true, hardState: { term: 4, votedFor: null } });
    expect(sends(outputs)).toMatchObject([{ message: { term: 4, granted: false }, after: 1 }]);
  });

  it('counts as having heard a leader for T after a restart, and not again after its next vote or term', () => {
    const core = coreWith([1, 1], 1);
    const short: Message = { ...voteRequest, term: term(4), lastIndex: logIndex(1), lastTerm: term(1) };
    const full: Message = { ...voteRequest, term: term(5), lastIndex: logIndex(2), lastTerm: term(1) };
    expect(sends(receive(core, m2, full))).toEqual([]);
    endStickiness(core);
    expect(sends(receive(core, m2, short))).toMatchObject([{ message: { term: 4, granted: false } }]);
    expect(sends(receive(core, m3, full))).toMatchObject([{ message: { term: 5, granted: true } }]);
    expect(sends(receive(core, m2, { ...full, term: term(6) }))).toMatchObject([{ message: { granted: true } }]);
  });

  it('votes at once when it is new: it cannot have heard a leader', () => {
    const request: Message = { ...voteRequest, term: term(1), lastIndex: logIndex(0), lastTerm: term(0) };
    expect(sends(receive(coreWith([], 0), m2, request))).toMatchObject([{ message: { granted: true } }]);
  });

  it('serves a sender that is not among its voters, but counts only voters', () => {
    const core = coreWith([], 1);
    const stranger = managerId('m9');
    expect(sends(receive(core, stranger, append({})))).toHaveLength(1);
    core.step({ kind: 'persisted', seq: 1 });
    for (let ticks = 0; ticks < 40; ticks += 1) core.step({ kind: 'tick', nowMs: 0 });
    receive(core, stranger, { kind: 'pre-vote-response', term: term(3), granted: true });
    expect(core.inspect().role).toBe('pre-candidate');
  });

  it('halts when two leaders of one term speak to it, and says nothing any more', () => {
    const core = coreWith([], 1);
    receive(core, m2, append({}));
    expect(receive(core, m3, append({}))).toEqual([
      { kind: 'halt', reason: 'two leaders in term 2: m2 and m3' },
    ]);
    expect(core.step({ kind: 'tick', nowMs: 0 })).toEqual([]);
    expect(core.inspect().halted).toBe(true);
  });

  it('halts rather than give up a committed entry', () => {
    const entry: StoredEntry = { index: logIndex(1), term: term(2), timeMs: 0, payload: { kind: 'no-op' } };
    expect(receive(coreWith([1], 1, 1), m2, append({ entries: [entry] }))).toEqual([
      { kind: 'halt', reason: 'leader m2 would overwrite the committed entry 1' },
    ]);
    const other = append({ prevIndex: logIndex(1), prevTerm: term(2) });
    expect(receive(coreWith([1], 1, 1), m2, other)).toMatchObject([{ kind: 'halt' }]);
  });

  it('gives out what was committed before a restart with its first step', () => {
    const outputs = coreWith([1, 1, 1], 1, 2).step({ kind: 'tick', nowMs: 0 });
    expect(outputs).toMatchObject([{ kind: 'apply', entries: [{ index: 1 }, { index: 2 }] }]);
  });

  it('refuses restored state in which something is missing', () => {
    expect(() => coreWith([1], 1, 2)).toThrow('entries up to 2 were committed, but the log ends at 1');
    expect(() => coreWith([3], 2)).toThrow('the log has term 3, but the stored term is 2');
    expect(() => coreWith([2, 1], 2)).toThrow('after an entry of term 2');
  });

  it('truncates and appends in one write', () => {
    const core = coreWith([1, 1, 1], 1, 1);
    const entry: StoredEntry = { index: logIndex(2), term: term(2), timeMs: 0, payload: { kind: 'no-op' } };
    const outputs = receive(core, m2, append({ prevIndex: logIndex(1), prevTerm: term(1), entries: [entry] }));
    expect(outputs.filter((output) => output.kind === 'write')).toEqual([
      {
        kind: 'write',
        seq: 1,
        hardState: { term: 2, votedFor: null, commitIndex: 1 },
        snapshot: null,
        replacesLog: false,
        compactTo: null,
        truncateFrom: 2,
        entries: [entry],
        sync: true,
      },
    ]);
  });

  it('does not count a vote twice, nor a grant for an earlier campaign', () => {
    const core = new RaftCore(
      { ...config, bootstrap: bootstrapMembership([m1, m2, m3, managerId('m4'), managerId('m5')]) },
      { hardState: { term: term(1), votedFor: null, commitIndex: logIndex(0) }, ...nothingStored },
      createPrng(1),
    );
    untilCampaign(core);
    for (let times = 0; times < 3; times += 1) {
      receive(core, m2, { kind: 'pre-vote-response', term: term(2), granted: true });
      receive(core, m3, { kind: 'pre-vote-response', term: term(5), granted: true });
    }
    expect(core.inspect()).toMatchObject({ role: 'pre-candidate', term: 1 });
    receive(core, m3, { kind: 'pre-vote-response', term: term(2), granted: true });
    expect(core.inspect()).toMatchObject({ role: 'candidate', term: 2 });
  });

  it('gives up leadership when a write hangs for T, though its heartbeats are answered, and not before', () => {
    const core = coreWith([], 1);
    untilCampaign(core);
    receive(core, m2, { kind: 'pre-vote-response', term: term(2), granted: true });
    core.step({ kind: 'persisted', seq: 1 });
    receive(core, m2, { kind: 'vote-response', term: term(2), granted: true });
    expect(core.inspect().role).toBe('leader');
    const answer = { kind: 'append-response', accepted: true, term: term(2), readRound: 0, isDiskLow: false } as const;
    for (let ticks = 1; ticks < config.electionTimeoutTicks; ticks += 1) {
      tick(core);
      receive(core, m2, { ...answer, matchIndex: logIndex(1) });
    }
    expect(core.inspect()).toMatchObject({ role: 'leader', durableIndex: 0 });
    expect(tick(core)).toContainEqual({ kind: 'role-changed', role: 'follower', term: 2, leader: null });
    for (let ticks = 0; ticks < 100; ticks += 1) expect(sends(tick(core))).toEqual([]);
    core.step({ kind: 'persisted', seq: 2 });
    expect(sends(tick(core))).toMatchObject([{ message: { kind: 'pre-vote-request', term: 3 } }, {}]);
  });

  it('leads on with a disk that is slow but not stuck', () => {
    const core = new RaftCore(
      { ...config, bootstrap: bootstrapMembership([m1]) },
      { hardState: { term: term(1), votedFor: null, commitIndex: logIndex(0) }, ...nothingStored },
      createPrng(1),
    );
    untilCampaign(core);
    core.step({ kind: 'persisted', seq: 1 });
    const payload = { kind: 'command', session: { id: 's', serial: 1 }, command: new Uint8Array() } as const;
    const under: number[] = [2];
    for (let proposalId = 1; proposalId < 10; proposalId += 1) {
      const outputs = core.step({ kind: 'propose', proposalId, payload, nowMs: 0, isUrgent: false });
      for (const output of outputs) if (output.kind === 'write') under.push(output.seq);
      for (let ticks = 0; ticks < config.electionTimeoutTicks - 1; ticks += 1) tick(core);
      core.step({ kind: 'persisted', seq: under.shift() ?? 0 });
      expect(core.inspect().role).toBe('leader');
    }
  });

  it('does not go on from pre-candidate to candidate when its disk hung meanwhile', () => {
    const core = coreWith([], 1);
    const entryAt = (index: number): StoredEntry => {
      return { index: logIndex(index), term: term(1), timeMs: 0, payload: { kind: 'no-op' } };
    };
    receive(core, m2, append({ term: term(1), entries: [entryAt(1)] }));
    const second = { term: term(1), prevIndex: logIndex(1), prevTerm: term(1), entries: [entryAt(2)] };
    receive(core, m2, append(second));
    for (let ticks = 0; ticks < config.electionTimeoutTicks - 1; ticks += 1) tick(core);
    core.step({ kind: 'persisted', seq: 1 });
    untilCampaign(core);
    for (let ticks = 0; ticks < config.electionTimeoutTicks - 1; ticks += 1) tick(core);
    receive(core, m3, { kind: 'pre-vote-response', term: term(2), granted: true });
    expect(core.inspect()).toMatchObject({ role: 'pre-candidate', term: 1 });
    core.step({ kind: 'persisted', seq: 2 });
    receive(core, m3, { kind: 'pre-vote-response', term: term(2), granted: true });
    expect(core.inspect()).toMatchObject({ role: 'candidate', term: 2 });
  });

  it('does not lead on votes of others before its own vote is durable', () => {
    const core = coreWith([], 1);
    untilCampaign(core);
    receive(core, m2, { kind: 'pre-vote-response', term: term(2), granted: true });
    receive(core, m2, { kind: 'vote-response', term: term(2), granted: true });
    receive(core, m3, { kind: 'vote-response', term: term(2), granted: true });
    expect(core.inspect().role).toBe('candidate');
    core.step({ kind: 'persisted', seq: 1 });
    expect(core.inspect().role).toBe('leader');
  });
});
