import { describe, expect, it } from 'vitest';
import { managerId, serverName } from '../base/index.js';
import type { ReplicaFacts, ServerFacts } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import { switchoverRefusals } from './health.js';
import type { HealthLook, SwitchoverQuestion } from './health.js';
import type { Verdict } from './verdict.js';

const [db1, db2, db3] = [serverName('db1'), serverName('db2'), serverName('db3')];

const spec: ClusterSpec = {
  servers: [db1, db2, db3].map((name) => ({ name, host: name, port: 3306, zone: null, candidate: 'allow' })),
  mysql: { user: 'u', password: 'env:A' },
  replication: { user: 'r', password: 'env:B' },
  durability: 'async',
  detection: { intervalMs: 1000, confirmMs: 1000, probeTimeoutMs: 1000 },
  fencing: { policy: 'best-effort' },
  switchover: { maxPauseMs: 5000 },
};

function verdict(kind: Verdict['kind'] = 'Healthy', seeing = 3): Verdict {
  const managers = ['m1', 'm2', 'm3'].map((name, index) => ({
    manager: managerId(name), isVoter: true, saw: index < seeing ? ('ok' as const) : ('timeout' as const), detail: '',
    missingForMs: 0, votesDead: false, reaches: [],
  }));
  const evidence = { votersNeeded: 2, voters: 3, roundNonce: null, managers, replicas: [] };
  return { kind, rule: 'V03', reason: 'as it was seen', wantsRound: false, evidence };
}

function primary(over: Partial<ServerFacts> = {}): HealthLook {
  const isOpen = { readOnly: false, superReadOnly: false, offline: false };
  const facts = { serverUuid: 'uuid-db1', ...isOpen, replica: null, ...over };
  return { kind: 'facts', facts: facts as ServerFacts };
}

function replica(over: Partial<ReplicaFacts> | null = {}, facts: Partial<ServerFacts> = {}): HealthLook {
  const made = over === null ? null : {
    sourceHost: 'db1', sourcePort: 3306, sourceUuid: 'uuid-db1', receiver: 'on', applier: 'on', receiverError: '',
    applierError: '', delayS: 0, lagMs: 0, ...over,
  };
  return { kind: 'facts', facts: { readOnly: true, superReadOnly: true, replica: made, ...facts } as ServerFacts };
}

function refusals(
  looks: { readonly db1?: HealthLook; readonly db2?: HealthLook; readonly db3?: HealthLook } = {},
  over: Partial<SwitchoverQuestion> = {},
): readonly string[] {
  return switchoverRefusals({
    spec, primary: db1, target: db2, verdict: verdict(),
    looks: new Map([
      [db1, looks.db1 ?? primary()],
      [db2, looks.db2 ?? replica()],
      [db3, looks.db3 ?? replica()],
    ]),
    ...over,
  });
}

describe('refusing a switchover', () => {
  it('has nothing against it when all is well', () => {
    expect(refusals()).toEqual([]);
    expect(refusals({}, { target: null, runningOperation: null })).toEqual([]);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['a read-only primary', refusals({ db1: primary({ readOnly: true }) }), ['db1, the primary, is read-only']],
    ['an offline primary', refusals({ db1: primary({ offline: true }) }), ['db1, the primary, is offline for clients']],
    ['a silent primary', refusals({ db1: { kind: 'error', detail: 'refused' } }), [
      'db1, the primary, cannot be looked at: refused',
    ]],
    ['a silent replica', refusals({ db3: { kind: 'error', detail: 'refused' } }), ['db3 cannot be looked at: refused']],
    ['a stopped receiver', refusals({ db3: replica({ receiver: 'off', receiverError: 'no account' }) }), [
      'db3 does not receive: no account',
    ]],
    ['a lost connection', refusals({ db3: replica({ receiver: 'connecting' }) }), [
      'db3 has no connection to the primary',
    ]],
    ['a stopped applier', refusals({ db3: replica({ applier: 'off' }) }), ['db3 does not apply']],
    ['lag', refusals({ db3: replica({ lagMs: 10_001 }) }), ['db3 lags 10.0 s behind, more than 10 s']],
    ['a stranger as source', refusals({ db3: replica({ sourceHost: 'x', sourceUuid: 'uuid-x' }) }), [
      'db3 replicates from x:3306, not from db1',
    ]],
    ['no source', refusals({ db3: replica(null) }), ['db3 replicates from nobody']],
    ['a second writable server', refusals({ db3: replica({}, { readOnly: false, superReadOnly: false }) }), [
      'db3 is writable, and is not the primary',
    ]],
    ['another operation', refusals({}, { runningOperation: 'failover op-1' }), [
      'another operation is running: failover op-1',
    ]],
    ['a bad verdict', refusals({}, { verdict: verdict('Suspected') }), [
      'the verdict is "suspected", not healthy: as it was seen',
    ]],
    ['a minority that sees it', refusals({}, { verdict: verdict('Healthy', 1) }), [
      'only 1 of 3 managers see db1 well, and 2 must',
    ]],
    ['the primary as target', refusals({}, { target: db1 }), ['db1 is the primary already']],
    ['an unknown target', refusals({}, { target: serverName('db9') }), ['db9 is not a server of this cluster']],
  ])('names %s', (_, said, expected) => {
    expect(said).toEqual(expected);
  });

  it('does not mind lag within bounds, or of a replica that is delayed on purpose', () => {
    expect(refusals({ db2: replica({ lagMs: 10_000 }), db3: replica({ delayS: 3600, lagMs: 3_600_000 }) })).toEqual([]);
  });

  it('does not mind a former primary that waits to be brought back, unless it is the target', () => {
    const looks = { db3: { kind: 'error', detail: 'refused' } } as const;
    expect(refusals(looks, { awaitingRejoin: [db3] })).toEqual([]);
    expect(refusals(looks, { awaitingRejoin: [db3], target: db3 })).toEqual([
      'db3 is a former primary that has not been brought back',
    ]);
  });

  it('says everything at once', () => {
    const said = refusals(
      { db1: primary({ readOnly: true }), db2: replica({ receiver: 'off', applier: 'off' }), db3: replica(null) },
      { verdict: verdict('NoMajority', 1), runningOperation: 'switchover op-2' },
    );
    expect(said).toHaveLength(7);
  });
});
