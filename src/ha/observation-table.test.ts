import { describe, expect, it } from 'vitest';
import { clusterName, managerId, serverName } from '../base/index.js';
import type { ProbeOutcome, ReplicaFacts, ServerFacts } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import type { Observation } from './observation.js';
import { ObservationTable } from './observation-table.js';
import type { ReplicaTestimony } from './observation-table.js';

const app = clusterName('app1');
const [m1, m2] = [managerId('m1'), managerId('m2')];
const [db1, db2] = [serverName('db1'), serverName('db2')];
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

function spec(hosts: Record<string, string> = { db1: '10.0.0.1', db2: '10.0.0.2' }): ClusterSpec {
  return {
    servers: Object.entries(hosts).map(([name, host]) => ({
      name: serverName(name), host, port: 3306, zone: null, candidate: 'allow',
    })),
    mysql: { user: 'u', password: 'env:A' },
    replication: { user: 'r', password: 'env:B' },
    durability: 'async',
    detection: { intervalMs: 1000, confirmMs: 1000, probeTimeoutMs: 1000 },
    fencing: { policy: 'best-effort' },
    switchover: { maxPauseMs: 5000 },
  };
}

const receiver: ReplicaFacts = {
  sourceHost: '10.0.0.1', sourcePort: 3306, sourceUser: 'r', sourceUuid: 'uuid-db1', receiver: 'on', applier: 'on',
  receiverError: '', applierError: '', autoPosition: true, received: '', delayS: 0, lagMs: 0, heartbeats: 0,
  heartbeatPeriodMs: 1000,
};

function ok(serverUuid: string, replica: Partial<ReplicaFacts> | null, executed = ''): ProbeOutcome {
  const facts: ServerFacts = {
    serverUuid, serverId: 1, version: '9.7.4', readOnly: true, superReadOnly: true, offline: false, logBin: true,
    logReplicaUpdates: true, gtidMode: 'ON', executed, startedAtS: 0,
    replica: replica === null ? null : { ...receiver, ...replica }, semiSync: null, replicaUuids: [],
  };
  return { kind: 'ok', facts, latencyMs: 1 };
}

const refused: ProbeOutcome = { kind: 'refused', detail: '' };
const seen = (manager: typeof m1, server: typeof db1, outcome: ProbeOutcome): Observation => ({
  manager, cluster: app, server, outcome, misses: 0, missingForMs: 0, nonce: null,
});

function table(): ObservationTable {
  const made = new ObservationTable();
  made.retain([m1, m2], { app1: { spec: spec() } });
  return made;
}

describe('the observation table', () => {
  it('keeps the latest observation of each server by each manager', () => {
    const made = table();
    made.record(seen(m1, db1, refused), 1);
    made.record(seen(m1, db1, ok('uuid-db1', null)), 2);
    made.record(seen(m2, db1, refused), 3);
    const kept = made.latest(app).map(({ manager, outcome, receivedAtMs }) => [manager, outcome.kind, receivedAtMs]);
    expect(kept).toEqual([
      ['m1', 'ok', 2],
      ['m2', 'refused', 3],
    ]);
  });

  it('records nothing that is not declared', () => {
    const made = table();
    expect(made.record(seen(managerId('stranger'), db1, refused), 1)).toBe(false);
    expect(made.record(seen(m1, serverName('db9'), refused), 1)).toBe(false);
    expect(made.record({ ...seen(m1, db1, refused), cluster: clusterName('other') }, 1)).toBe(false);
    expect(made.latest(app)).toEqual([]);
  });

  it('forgets managers, clusters and servers that are gone, and servers that have moved', () => {
    const made = table();
    for (const manager of [m1, m2]) for (const server of [db1, db2]) made.record(seen(manager, server, refused), 1);
    made.retain([m1], { app1: { spec: spec({ db1: '10.0.0.1', db2: '10.0.0.9' }) } });
    expect(made.latest(app).map(({ manager, server }) => `${manager}/${server}`)).toEqual(['m1/db1']);
    made.retain([m1], {});
    expect(made.latest(app)).toEqual([]);
  });

  it('remembers the last answer of a server when misses follow it, and the latest of any manager', () => {
    const made = table();
    made.record(seen(m1, db1, ok('uuid-db1', null, `${uuid}:1-5`)), 1);
    made.record(seen(m2, db1, ok('uuid-db1', null, `${uuid}:1-7`)), 2);
    made.record(seen(m1, db1, refused), 3);
    made.record(seen(m2, db1, refused), 3);
    expect(made.lastFacts(app, db1)?.executed).toBe(`${uuid}:1-7`);
    expect(made.lastFacts(app, db2)).toBeNull();
    expect(String(made.knownExecuted(app, db1))).toBe(`${uuid}:1-7`);
  });

  it('unites what the managers saw executed, so that a report that was overtaken takes nothing away', () => {
    const made = table();
    made.record(seen(m1, db1, ok('uuid-db1', null, `${uuid}:1-7`)), 1);
    made.record(seen(m2, db1, ok('uuid-db1', null, `${uuid}:1-5`)), 2);
    expect(String(made.knownExecuted(app, db1))).toBe(`${uuid}:1-7`);
  });
});

describe('the testimony of counters', () => {
  function testify(made: ObservationTable): ReplicaTestimony | undefined {
    return made.testimony(app, db1)[0];
  }

  it('notes between which two looks a counter moved', () => {
    const made = table();
    for (const [atMs, heartbeats] of [[0, 5], [1000, 5], [2000, 6], [3000, 6]] as const) {
      made.record(seen(m1, db2, ok('uuid-db2', { heartbeats })), atMs);
    }
    expect(testify(made)).toMatchObject({
      manager: m1, replica: db2, watchedSinceMs: 0, movedAfterMs: 1000, movedAtMs: 2000, seenAtMs: 3000,
    });
  });

  it('counts received transactions and a new connection as movement too', () => {
    const made = table();
    made.record(seen(m1, db2, ok('uuid-db2', {})), 0);
    made.record(seen(m1, db2, ok('uuid-db2', { received: `${uuid}:1` })), 1000);
    expect(testify(made)?.movedAtMs).toBe(1000);
    made.record(seen(m1, db2, ok('uuid-db2', { received: `${uuid}:1`, receiver: 'connecting' })), 2000);
    expect(testify(made)?.movedAtMs).toBe(1000);
    made.record(seen(m1, db2, ok('uuid-db2', { received: `${uuid}:1` })), 3000);
    expect(testify(made)?.movedAtMs).toBe(3000);
  });

  it('never compares the looks of two managers', () => {
    const made = table();
    made.record(seen(m1, db2, ok('uuid-db2', { heartbeats: 6 })), 0);
    made.record(seen(m2, db2, ok('uuid-db2', { heartbeats: 5 })), 1);
    expect(made.testimony(app, db1).map(({ movedAtMs }) => movedAtMs)).toEqual([null, null]);
  });

  it('begins anew after a gap, and for another source', () => {
    const made = table();
    made.record(seen(m1, db2, ok('uuid-db2', {})), 0);
    made.record(seen(m1, db2, ok('uuid-db2', {})), 4000);
    expect(testify(made)?.watchedSinceMs).toBe(0);
    made.record(seen(m1, db2, ok('uuid-db2', {})), 8001);
    expect(testify(made)?.watchedSinceMs).toBe(8001);
    made.record(seen(m1, db2, ok('uuid-db2', { sourceHost: '10.0.0.7' })), 9000);
    expect(testify(made)?.watchedSinceMs).toBe(9000);
  });

  it('survives a look that failed', () => {
    const made = table();
    made.record(seen(m1, db2, ok('uuid-db2', {})), 0);
    made.record(seen(m1, db2, refused), 1000);
    made.record(seen(m1, db2, ok('uuid-db2', { heartbeats: 1 })), 2000);
    expect(testify(made)).toMatchObject({ movedAfterMs: 0, movedAtMs: 2000 });
  });

  it.each([
    ['the declared address', { sourceUuid: '' }, true],
    ['another address and the UUID of the primary', { sourceHost: 'alias' }, true],
    ['an address nobody declared, before the first connection', { sourceHost: 'alias', sourceUuid: '' }, true],
    ['an address nobody declared and another UUID', { sourceHost: 'alias', sourceUuid: 'uuid-x' }, false],
    ['the address of another declared server', { sourceHost: '10.0.0.2', sourceUuid: '' }, false],
  ])('takes a source for the primary that has %s: %j -> %s', (_, replica, expected) => {
    const made = table();
    made.record(seen(m1, db1, ok('uuid-db1', null)), 0);
    made.record(seen(m1, db2, ok('uuid-db2', replica)), 0);
    expect(testify(made)?.isFromPrimary).toBe(expected);
  });

  it('is silent about servers that replicate from nobody', () => {
    const made = table();
    made.record(seen(m1, db2, ok('uuid-db2', null)), 0);
    expect(made.testimony(app, db1)).toEqual([]);
  });
});
