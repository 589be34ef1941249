import { describe, expect, it } from 'vitest';
import { logIndex, managerId, term } from '../base/index.js';
import { emptyState } from '../ha/index.js';
import type { Command } from '../ha/index.js';
import type { ProposalSession, ProposeOutcome, RaftNode } from '../raft/index.js';
import { ReignLogPort } from './log-port.js';

const handingOver: ProposeOutcome = { kind: 'dropped', reason: 'handing-over', isPassing: true };
const applied: ProposeOutcome = { kind: 'applied', index: logIndex(7), term: term(3), result: { ok: true } };
const raised: Command = { kind: 'reducer-version-raised', to: 1 };

/** A node that answers what the test gives, the last answer for ever; time moves by sleeping alone. */
function portOver(outcomes: readonly ProposeOutcome[], reducerVersion = 1) {
  const sessions: ProposalSession[] = [];
  const allowancesMs: number[] = [];
  const status = { id: managerId('m1'), role: 'leader', term: term(3), isEnding: false };
  let nowMs = 0;
  const raft = {
    status: () => status,
    propose: (_command: Uint8Array, session: ProposalSession, withinMs: number) => {
      allowancesMs.push(withinMs);
      sessions.push(session);
      return Promise.resolve(outcomes[Math.min(sessions.length, outcomes.length) - 1]);
    },
  } as unknown as RaftNode;
  const clock = { nowMs: () => nowMs, sleep: (ms: number) => Promise.resolve(void (nowMs += ms)) };
  let serial = 0;
  const nextSession = (): ProposalSession => ({ id: 's', serial: (serial += 1) });
  const state = () => ({ ...emptyState, reducerVersion });
  const isEnding = () => status.isEnding;
  const times = { electionTimeoutMs: 1000, clock };
  const port = new ReignLogPort({ raft, term: term(3), isEnding, state, nextSession, ...times });
  return { port, sessions, allowancesMs, status, nowMs: () => nowMs };
}

describe('the log of a reign', () => {
  it('waits out a hand-over that comes to nothing, with a new serial at each try', async () => {
    const { port, sessions } = portOver([handingOver, handingOver, applied]);
    expect(await port.propose(raised)).toMatchObject({ kind: 'applied', index: 7 });
    expect(sessions.map((session) => session.serial)).toEqual([1, 2, 3]);
  });

  it('keeps the session of a request, so that it still runs once', async () => {
    const { port, sessions } = portOver([handingOver, applied]);
    await port.propose(raised, 'request-1');
    expect(sessions).toEqual([{ id: 'r-request-1', serial: 1 }, { id: 'r-request-1', serial: 1 }]);
  });

  it('gives up in the end, and says why in words', async () => {
    const { port, nowMs } = portOver([handingOver]);
    expect(await port.propose(raised)).toEqual({ kind: 'dropped', reason: 'the leadership is being handed over' });
    expect(nowMs()).toBe(1500);
  });

  it('gives up when its caller has no more time, after one try at least', async () => {
    const some = portOver([handingOver]);
    expect(await some.port.propose(raised, undefined, 120)).toMatchObject({ kind: 'dropped' });
    expect([some.nowMs(), some.sessions.length]).toEqual([120, 4]);
    const none = portOver([applied]);
    expect(await none.port.propose(raised, undefined, 0)).toMatchObject({ kind: 'applied' });
  });

  it('gives a later try only the time that is left', async () => {
    const { port, allowancesMs } = portOver([handingOver, handingOver, applied]);
    await port.propose(raised);
    expect(allowancesMs).toEqual([5000, 4950, 4900]);
  });

  it('tries nothing again while the reign is given up', async () => {
    const { port, status, sessions } = portOver([handingOver]);
    status.isEnding = true;
    expect(await port.propose(raised)).toMatchObject({ kind: 'lost' });
    expect(sessions).toHaveLength(1);
  });

  it('is lost once the hand-over has come about', async () => {
    const { port, status, sessions } = portOver([handingOver]);
    const outcome = port.propose(raised);
    status.role = 'follower';
    expect(await outcome).toMatchObject({ kind: 'lost' });
    expect(sessions).toHaveLength(1);
  });

  it('refuses what the state has no version for yet: older voters would stop at it', async () => {
    const command: Command = { kind: 'reducer-version-raised', to: 2 };
    const early = portOver([applied]);
    const reason = 'this needs reducer version 2, and the managers are at 1: upgrade all of them';
    expect(await early.port.propose(command)).toEqual({ kind: 'dropped', reason });
    expect(early.sessions).toEqual([]);
    const later = portOver([applied], 2);
    expect(await later.port.propose(command)).toMatchObject({ kind: 'applied' });
  });

  it('never proposes again what may be in the log, or will never be taken', async () => {
    const unknown = portOver([{ kind: 'unknown', reason: 'not applied within 5000 ms' }, applied]);
    expect(await unknown.port.propose(raised)).toMatchObject({ kind: 'lost' });
    const tooLarge = portOver([{ kind: 'dropped', reason: 'too-large', isPassing: false }, applied]);
    expect(await tooLarge.port.propose(raised)).toMatchObject({ kind: 'dropped', reason: /too large/ });
    expect([unknown.sessions.length, tooLarge.sessions.length]).toEqual([1, 1]);
  });
});
