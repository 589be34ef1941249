import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterName, managerId, serverName } from '../base/index.js';
import type { ManagerId, ProbeKind, ProbeOutcome, ServerFacts } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import type { Observation, ReceivedObservation } from './observation.js';
import { judgePrimary, verdictRules, verdictWords } from './verdict.js';
import type { VerdictInput } from './verdict.js';

const cluster = clusterName('app1');
const [db1, db2] = [serverName('db1'), serverName('db2')];
const voters = ['m1', 'm2', 'm3', 'm4', 'm5'].map(managerId);
const leader = voters[0] as ManagerId;

const spec: ClusterSpec = {
  servers: [db1, db2].map((name) => ({ name, host: name, port: 3306, zone: null, candidate: 'allow' })),
  mysql: { user: 'u', password: 'env:A' },
  replication: { user: 'r', password: 'env:B' },
  durability: 'async',
  detection: { intervalMs: 1000, confirmMs: 1000, probeTimeoutMs: 1000 },
  fencing: { policy: 'best-effort' },
  switchover: { maxPauseMs: 5000 },
};

type ReplicaView = 'lost' | 'on' | 'unreachable';

function outcome(kind: ProbeKind): ProbeOutcome {
  if (kind === 'ok') return { kind, facts: { readOnly: false, replica: null } as unknown as ServerFacts, latencyMs: 1 };
  return kind === 'alive' ? { kind, reason: 'access denied', detail: '' } : { kind, detail: '' };
}

function replicaOutcome(view: ReplicaView): ProbeOutcome {
  if (view === 'unreachable') return { kind: 'timeout', detail: '' };
  const replica = { receiver: view === 'on' ? 'on' : 'connecting', received: '', heartbeats: 1,
    heartbeatPeriodMs: 1000, sourceHost: 'db1', sourcePort: 3306 };
  return { kind: 'ok', facts: { replica } as unknown as ServerFacts, latencyMs: 1 };
}

function observed(manager: ManagerId, server: typeof db1, result: ProbeOutcome): Observation {
  return { manager, cluster, server, outcome: result, misses: 3, missingForMs: 2000, nonce: 'n' };
}

interface Sight {
  readonly sees: ProbeKind | null;
  readonly replica: ReplicaView;
}

/** All managers probed at 3000, answering a nonce that left at 2900; the leader first missed the primary at 1000. */
function input(sights: readonly Sight[], over: Partial<VerdictInput> = {}): VerdictInput {
  const round: Observation[] = [];
  for (const [index, { sees, replica }] of sights.entries()) {
    const manager = voters[index] as ManagerId;
    if (sees === null) continue;
    round.push(observed(manager, db1, outcome(sees)), observed(manager, db2, replicaOutcome(replica)));
  }
  // Of the ordinary looks only the leader's own: what the others saw must count in the round.
  const own = round.filter(({ manager }) => manager === leader);
  const observations: ReceivedObservation[] = own.map((one) => ({ ...one, receivedAtMs: 3000 }));
  return {
    spec, primary: db1, voters, leader, observations, testimony: [], nowMs: 3000,
    round: { nonce: 'n', sentAtMs: 2900, observations: round }, ...over,
  };
}

const sight = fc.record({
  sees: fc.constantFrom<ProbeKind | null>('ok', 'alive', 'unknown', 'refused', 'reset', 'timeout', 'hung', null),
  replica: fc.constantFrom<ReplicaView>('lost', 'on', 'unreachable'),
});
const sights = fc.array(sight, { minLength: 5, maxLength: 5 });
/** Mostly dead, so that the interesting side of the border is met often. */
const deadSights = fc.array(
  fc.oneof({ weight: 4, arbitrary: fc.constant<Sight>({ sees: 'refused', replica: 'lost' }) }, sight),
  { minLength: 5, maxLength: 5 },
);
const isVote = ({ sees }: Sight): boolean => sees === 'refused' || sees === 'reset' || sees === 'timeout';

describe('judgePrimary', () => {
  it('says DeadPrimary exactly for a majority with the leader that reaches a replica, none of them connected', () => {
    let deaths = 0;
    fc.assert(
      fc.property(fc.oneof(sights, deadSights), (seen) => {
        const verdict = judgePrimary(input(seen));
        const votes = seen.filter((one) => isVote(one) && one.replica !== 'unreachable');
        const isDead = votes.length >= 3 && votes.includes(seen[0] as Sight)
          && !seen.some(({ sees, replica }) => sees !== null && replica === 'on');
        expect(verdict.kind === 'DeadPrimary').toBe(isDead);
        if (isDead) deaths += 1;
      }),
      { numRuns: 500 },
    );
    expect(deaths).toBeGreaterThan(20);
  });

  it('never turns to DeadPrimary because a manager that voted no longer does', () => {
    const noVote = fc.constantFrom<ProbeKind | null>('ok', 'alive', 'unknown', 'hung', null);
    fc.assert(
      fc.property(deadSights, fc.integer({ min: 0, max: 4 }), noVote, (seen, index, sees) => {
        const weaker = seen.map((one, at) => (at === index ? { ...one, sees } : one));
        // A manager that says nothing any more takes its look at the replica with it, which may have spoken against.
        fc.pre(sees !== null || seen[index]?.replica !== 'on');
        const [before, after] = [judgePrimary(input(seen)), judgePrimary(input(weaker))];
        if (before.kind !== 'DeadPrimary') expect(after.kind).not.toBe('DeadPrimary');
      }),
      { numRuns: 300 },
    );
  });

  it('never says DeadPrimary without a round, with an old one or with one from before the suspicion', () => {
    const dead = Array.from({ length: 5 }, (): Sight => ({ sees: 'refused', replica: 'lost' }));
    const sure = input(dead);
    expect(judgePrimary(sure).kind).toBe('DeadPrimary');
    expect(judgePrimary({ ...sure, round: null }).wantsRound).toBe(true);
    const observations = sure.round?.observations ?? [];
    for (const sentAtMs of [999, -2000]) {
      const verdict = judgePrimary({ ...sure, round: { nonce: 'n', sentAtMs, observations } });
      expect(verdict).toMatchObject({ kind: 'Suspected', wantsRound: true });
    }
    expect(judgePrimary({ ...sure, nowMs: 6901 }).kind).toBe('Suspected');
    expect(judgePrimary({ ...sure, nowMs: 7001 }).kind).toBe('Unknown');
  });

  it('carries its evidence as plain data and one sentence without a full stop', () => {
    fc.assert(
      fc.property(sights, (seen) => {
        const verdict = judgePrimary(input(seen));
        expect(JSON.parse(JSON.stringify(verdict.evidence))).toEqual(verdict.evidence);
        expect(verdict.reason).toMatch(/\S[^.]$/);
        expect(verdictWords[verdict.kind]).toBeDefined();
      }),
      { numRuns: 100 },
    );
  });

  it('has rules with ids that are unique and in order', () => {
    const ids = verdictRules.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort());
  });
});
