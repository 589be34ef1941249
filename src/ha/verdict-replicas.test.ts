import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { managerId, serverName } from '../base/index.js';
import type { ProbeOutcome, ReplicaFacts, ServerFacts } from '../base/index.js';
import type { ReplicaTestimony } from './observation-table.js';
import { judgeReplica, stillAfterMs } from './verdict-replicas.js';

const [m1, m2] = [managerId('m1'), managerId('m2')];
const db2 = serverName('db2');

function look(replica: Partial<ReplicaFacts> | null): ProbeOutcome {
  const facts = { replica: replica === null ? null : { receiver: 'on', received: '', heartbeats: 5,
    heartbeatPeriodMs: 1000, sourceHost: 'x', sourcePort: 1, ...replica } } as ServerFacts;
  return { kind: 'ok', facts, latencyMs: 1 };
}

function series(over: Partial<ReplicaTestimony> = {}): ReplicaTestimony {
  return {
    manager: m1, replica: db2, isFromPrimary: true, receiver: 'on', applier: 'on', heartbeatPeriodMs: 1000,
    received: '', heartbeats: 5, watchedSinceMs: 0, movedAfterMs: null, movedAtMs: null, seenAtMs: 9000, ...over,
  };
}

const question = { replica: db2, firstMissAtMs: 5000, looksAfterMs: 9000, awaited: [] };

describe('the testimony of a replica', () => {
  it('takes one proof of standing still for all managers', () => {
    const evidence = judgeReplica({
      ...question,
      looks: [{ manager: m2, outcome: look({}) }, { manager: m1, outcome: look({}) }],
      testimony: [series(), series({ manager: m2, watchedSinceMs: 8900 })],
    });
    expect(evidence.state).toBe('not-receiving');
  });

  it('believes the manager that saw a movement, over all others', () => {
    const evidence = judgeReplica({
      ...question,
      looks: [{ manager: m1, outcome: look({ receiver: 'off' }) }, { manager: m2, outcome: look({ heartbeats: 6 }) }],
      testimony: [series(), series({ manager: m2 })],
    });
    expect(evidence.state).toBe('receiving');
  });

  it('is silent when nobody can ask it', () => {
    const denied: ProbeOutcome = { kind: 'alive', reason: 'access denied', detail: '' };
    const evidence = judgeReplica({ ...question, looks: [{ manager: m1, outcome: denied }], testimony: [] });
    expect(evidence.state).toBe('silent');
  });

  it('never proves stillness where heartbeats are off', () => {
    expect(stillAfterMs(0)).toBe(Infinity);
    expect(stillAfterMs(100)).toBe(2000);
    expect(stillAfterMs(30_000)).toBe(60_000);
  });

  it('calls a connected receiver deaf exactly when it was still for two heartbeats after the first miss', () => {
    const ms = fc.integer({ min: 0, max: 20_000 });
    fc.assert(
      fc.property(ms, ms, ms, fc.option(ms), fc.constantFrom(500, 5000), (first, looks, watched, moved, period) => {
        const { state } = judgeReplica({
          replica: db2,
          awaited: [],
          firstMissAtMs: first,
          looksAfterMs: looks,
          looks: [{ manager: m1, outcome: look({ heartbeatPeriodMs: period }) }],
          testimony: [series({ watchedSinceMs: watched, movedAtMs: moved, movedAfterMs: moved })],
        });
        const stillSince = Math.max(moved ?? watched, first);
        expect(state === 'not-receiving').toBe(looks - stillSince > Math.max(2 * period, 2000));
      }),
    );
  });
});
