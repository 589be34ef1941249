import { describe, expect, it } from 'vitest';
import type { ManagerId, ProbeOutcome, ReplicaFacts, ServerFacts } from '../base/index.js';
import { clusterName, epoch, managerId, operationId, serverName } from '../base/index.js';
import type { ReceivedObservation } from '../ha/observation.js';
import type { ClusterState, JournalEntry, Operation } from '../ha/state.js';
import { managersResponse, operationById, operationsOf, statusResponse, toleratedLosses } from './index.js';
import type { StatusInput } from './index.js';

const [m1, m2, m3] = ['m1', 'm2', 'm3'].map(managerId) as [ManagerId, ManagerId, ManagerId];
const app1 = clusterName('app1');
const [db1, db2] = ['db1', 'db2'].map(serverName) as [ReturnType<typeof serverName>, ReturnType<typeof serverName>];

const replicaFacts: ReplicaFacts = {
  sourceHost: '10.0.0.1',
  sourcePort: 3306,
  sourceUser: 'repl',
  sourceUuid: 'uuid-1',
  receiver: 'on',
  applier: 'on',
  receiverError: '',
  applierError: '',
  autoPosition: true,
  received: '',
  delayS: 0,
  lagMs: 40,
  heartbeats: 1,
  heartbeatPeriodMs: 1000,
};

function facts(part: Partial<ServerFacts> = {}): ServerFacts {
  return {
    serverUuid: 'uuid-1',
    serverId: 1,
    version: '9.7.4',
    readOnly: false,
    superReadOnly: false,
    offline: false,
    logBin: true,
    logReplicaUpdates: true,
    gtidMode: 'ON',
    executed: '',
    startedAtS: 1,
    replica: null,
    semiSync: null,
    replicaUuids: [],
    ...part,
  };
}

function replica(part: Partial<ReplicaFacts> = {}, of: Partial<ServerFacts> = {}): ServerFacts {
  const closed = { serverUuid: 'uuid-2', readOnly: true, superReadOnly: true };
  return facts({ ...closed, replica: { ...replicaFacts, ...part }, ...of });
}

const ok = (of: ServerFacts): ProbeOutcome => ({ kind: 'ok', facts: of, latencyMs: 1 });

function observed(server: string, outcome: ProbeOutcome, receivedAtMs = 10_000): [string, ReceivedObservation] {
  const misses = outcome.kind === 'ok' ? 0 : 1;
  const of = { manager: m1, cluster: app1, server: serverName(server) };
  const what = { ...of, outcome, misses, missingForMs: 0, nonce: null };
  return [`app1/${server}`, { ...what, receivedAtMs }];
}

function operation(part: Partial<Operation> = {}): Operation {
  return {
    id: operationId('op-1'),
    kind: 'failover',
    cluster: app1,
    epoch: epoch(5),
    configVersion: 1,
    oldPrimary: db1,
    requestedTarget: null,
    newPrimary: null,
    phase: 'running',
    reason: '',
    cursor: 1,
    pastNoReturn: false,
    startedAtMs: 1000,
    endedAtMs: null,
    startedBy: m1,
    takeovers: [
      { epoch: epoch(4), by: m1, atMs: 1000, step: null },
      { epoch: epoch(5), by: m2, atMs: 1500, step: 'fence' },
    ],
    rewinds: 0,
    journal: [journal('confirm', 1000, 1200), journal('fence', 1200, null)],
    ...part,
  };
}

function journal(step: JournalEntry['step'], startedAtMs: number, finishedAtMs: number | null): JournalEntry {
  return { step, epoch: epoch(4), by: m1, startedAtMs, finishedAtMs, result: null, summary: `${step} it` };
}

function cluster(part: Partial<ClusterState> = {}): ClusterState {
  const account = { user: 'u', password: 'env:X' };
  return {
    name: app1,
    spec: {
      servers: [
        { name: db1, host: '10.0.0.1', port: 3306, zone: null, candidate: 'allow' },
        { name: db2, host: '::2', port: 3306, zone: null, candidate: 'prefer' },
      ],
      mysql: account,
      replication: account,
      durability: 'async',
      detection: { intervalMs: 1000, confirmMs: 1000, probeTimeoutMs: 1000 },
      fencing: { policy: 'best-effort' },
      switchover: { maxPauseMs: 5000 },
    },
    pendingSpec: null,
    primary: db1,
    epoch: epoch(4),
    operation: null,
    hiddenSinceIndex: null,
    awaitingRejoin: [], unrestored: null,
    history: [],
    ...part,
  };
}

function membership(ids: readonly ManagerId[]): StatusInput['raft']['membership'] {
  const nothing = { rpc: null, http: null, storeId: null, reducerMax: 1, replaces: null };
  return { voters: ids.map((id) => ({ id, ...nothing })), learners: [], removed: [] };
}

interface Scene {
  readonly cluster?: Partial<ClusterState>;
  readonly seen?: readonly [string, ReceivedObservation][];
  readonly raft?: Partial<StatusInput['raft']>;
  readonly reachable?: readonly ManagerId[];
  readonly verdict?: { readonly kind: string; readonly reason: string };
}

const healthy = [observed('db1', ok(facts())), observed('db2', ok(replica()))];

function input(scene: Scene = {}): StatusInput {
  return {
    manager: m1,
    clusterId: 'test',
    raft: {
      role: 'leader', term: 7, leader: m1, lastIndex: 10, membership: membership([m1, m2, m3]),
      isMembershipCommitted: true, peers: [], isDiskLow: false, ...scene.raft,
    },
    peers: [m2, m3].map((id) => {
      const reachable = (scene.reachable ?? [m2, m3]).includes(id);
      return { id, reachable, roundTripMs: 0.4, lastHeardMs: 20 };
    }),
    state: { reducerVersion: 1, configVersion: 1, timeMs: 0, clusters: { app1: cluster(scene.cluster) } },
    observations: new Map(scene.seen ?? healthy),
    verdicts: new Map(scene.verdict === undefined ? [] : [['app1', scene.verdict]]),
    nowMs: 10_500,
  };
}

const view = (scene: Scene = {}) => statusResponse(input(scene));
const clusterView = (scene: Scene = {}) => view(scene).clusters[0];
const serverView = (server: 0 | 1, outcome: ProbeOutcome, scene: Scene = {}) =>
  clusterView({ ...scene, seen: [...healthy, observed(server === 0 ? 'db1' : 'db2', outcome)] })?.servers[server];

describe('managers in the status', () => {
  it('all reachable', () => {
    expect(view()).toMatchObject({
      leader: 'm1',
      term: 7,
      quorum: { reachable: 3, voters: 3, has: true },
      reason: 'm1 leads; 3 of 3 managers reachable',
      managers: [
        { id: 'm1', role: 'leader', reachable: true, roundTripMs: null },
        { id: 'm2', role: 'follower', reachable: true, roundTripMs: 0.4 },
        { id: 'm3', role: 'follower', reachable: true, roundTripMs: 0.4 },
      ],
    });
  });

  it('seen from a follower, with one manager gone', () => {
    const status = view({ raft: { role: 'follower', leader: m2 }, reachable: [m2] });
    expect(status.reason).toBe('m2 leads; 2 of 3 managers reachable, m3 is not');
    expect(status.managers.map((manager) => [manager.role, manager.reachable])).toEqual([
      ['follower', true],
      ['leader', true],
      ['unknown', false],
    ]);
  });

  it('learners beside the voters, who alone count', () => {
    const [m4, m5] = [managerId('m4'), managerId('m5')];
    const learner = { rpc: null, http: null, storeId: null, reducerMax: 1, replaces: m3 };
    const { voters } = membership([m1, m2, m3]);
    const learners = [{ id: m4, ...learner, then: 'vote' as const }, { id: m5, ...learner, then: 'stay' as const }];
    const progress = { state: 'replicate' as const, isStuck: false, isDiskLow: false };
    const peers = [
      { id: m2, match: 10, ...progress, isStuck: true },
      { id: m3, match: 4, ...progress, isDiskLow: true },
      { id: m4, match: 3, ...progress, state: 'snapshot' as const },
    ];
    const status = view({ raft: { membership: { voters, learners, removed: [] }, peers } });
    expect(status.quorum).toEqual({ reachable: 3, voters: 3, has: true });
    expect(status.reason).toBe('m1 leads; 3 of 3 managers reachable; the learners m4 and m5 are not');
    expect(status.managers.map(({ id, part, problems }) => [id, part, problems])).toEqual([
      ['m1', 'voter', []],
      ['m2', 'voter', ['stuck: it answers, but its log does not grow']],
      ['m3', 'voter', ['its disk is almost full']],
      ['m4', 'learner', ['will vote once it has caught up, 7 entries behind', 'replaces m3', 'receives a snapshot']],
      ['m5', 'learner', ['replaces m3']],
    ]);
  });

  it('of one that was not added yet', () => {
    const status = view({ raft: { role: 'follower', leader: null, membership: membership([]) }, reachable: [] });
    expect(status.quorum).toEqual({ reachable: 0, voters: 0, has: false });
    expect(status.reason).toBe('m1 knows no managers yet: it waits until `hactl managers add m1` has named it to them');
  });

  it('as the answer to who they are', () => {
    const answer = managersResponse(input(), 3, '20260110-1a2b3c4d');
    expect(answer).toMatchObject({
      manager: 'm1', leader: 'm1', quorum: { voters: 3 }, toleratedLosses: 1, reducerVersion: 3, isChanging: false,
      lineage: '20260110-1a2b3c4d', removed: [],
    });
    expect(answer.managers[0]).toMatchObject({ id: 'm1', role: 'leader', behind: 0, lastHeardMs: null });
    expect(answer.managers[1]).toMatchObject({ id: 'm2', behind: null, lastHeardMs: 20, storeId: null });
    const losses = [1, 2, 3, 4, 5, 7, 9].map(toleratedLosses);
    expect(losses).toEqual([0, 0, 1, 1, 2, 3, 4]);
  });

  it('without a leader an election is running', () => {
    const status = view({ raft: { role: 'pre-candidate', leader: null } });
    expect(status.reason).toBe('no leader yet: an election is running; 3 of 3 managers reachable');
    expect(status.managers[0]?.role).toBe('candidate');
  });

  it('without a majority nothing is acted on, nobody leads, and no cluster is judged', () => {
    const status = view({ reachable: [], verdict: { kind: 'Healthy', reason: 'was so' } });
    const why = 'no quorum: only m1 of m1, m2, m3 is reachable; it acts on nothing until a majority is back';
    expect(status).toMatchObject({ leader: null, quorum: { reachable: 1, voters: 3, has: false }, reason: why });
    expect(status.clusters[0]).toMatchObject({ state: 'unmanaged', reason: why });
    const waiting = clusterView({ reachable: [], cluster: { operation: operation() } });
    expect(waiting?.reason).toBe(`${why}; the failover op-1 waits`);
  });
});

describe('the state of a cluster', () => {
  it('is the leader\'s verdict in words', () => {
    const verdict = { kind: 'DeadPrimary', reason: 'db1 is dead: 3 of 3 managers see it refused' };
    expect(clusterView({ verdict })).toMatchObject({ state: 'dead primary', reason: verdict.reason });
    expect(clusterView({ verdict: { kind: 'healthy', reason: 'ok' } })?.state).toBe('healthy');
  });

  it('is the operation while one runs, before any verdict', () => {
    const verdict = { kind: 'DeadPrimary', reason: 'dead' };
    const running = clusterView({ verdict, cluster: { operation: operation() } });
    expect(running).toMatchObject({
      state: 'failover',
      reason: 'failover from db1 to a replica to be chosen, epoch 5: step fence',
      operation: { id: 'op-1', step: 'fence', epoch: 5, epochs: [4, 5], endedAt: null },
    });
    expect(running?.operation?.steps[0]).toEqual({
      step: 'confirm',
      epoch: 4,
      by: 'm1',
      startedAt: '1970-01-01T00:00:01.000Z',
      finishedAt: '1970-01-01T00:00:01.200Z',
      durationMs: 200,
      summary: 'confirm it',
      result: null,
    });
    const blocked = operation({ phase: 'blocked', reason: 'no candidate' });
    expect(clusterView({ cluster: { operation: blocked } })).toMatchObject({
      state: 'blocked',
      reason: 'the failover op-1 is blocked: no candidate',
    });
  });

  it('is what a follower sees itself, when it has no verdict', () => {
    expect(clusterView()?.state).toBe('healthy');
    const refused = observed('db1', { kind: 'refused', detail: 'ECONNREFUSED' });
    expect(clusterView({ seen: [refused] })?.state).toBe('primary unreachable from here');
    expect(clusterView({ seen: [observed('db1', ok(facts({ readOnly: true })))] })?.state).toBe('no writable primary');
    const full: ProbeOutcome = { kind: 'alive', reason: 'too many connections', detail: '1040' };
    expect(clusterView({ seen: [observed('db1', full)] })?.state).toBe('primary alive');
    expect(clusterView({ seen: [] })?.state).toBe('unknown');
    expect(clusterView({ seen: [observed('db1', ok(facts()), 0)] })?.state).toBe('unknown');
  });

  it('keeps the last operation and finds all of them', () => {
    const ended = (id: string, startedAtMs: number): Operation =>
      operation({ id: operationId(id), phase: 'done', startedAtMs, endedAtMs: startedAtMs + 10 });
    const part = { operation: operation({ startedAtMs: 0 }), history: [ended('op-a', 1), ended('op-b', 2)] };
    expect(clusterView({ cluster: part })?.lastOperation).toMatchObject({ id: 'op-b', step: null, phase: 'done' });
    const { state } = input({ cluster: part });
    expect(operationsOf(state, null).map((found) => found.id)).toEqual(['op-1', 'op-b', 'op-a']);
    expect(operationsOf(state, 'other')).toEqual([]);
    expect(operationById(state, 'op-a')?.id).toBe('op-a');
    expect(operationById(state, 'op-x')).toBeNull();
  });
});

describe('a server in the status', () => {
  it('is the primary when recorded, and a replica when it follows the primary by address or by UUID', () => {
    expect(clusterView()?.servers).toMatchObject([
      { name: 'db1', role: 'primary', reachable: true, writable: true, lagMs: null, problems: [] },
      { name: 'db2', address: '[::2]:3306', role: 'replica', writable: false, lagMs: 40, problems: [] },
    ]);
    expect(serverView(1, ok(replica({ sourceHost: 'db1.example' })))?.role).toBe('replica');
    expect(serverView(1, ok(replica({ sourceHost: '10.0.0.9', sourceUuid: 'uuid-9' })))).toMatchObject({
      role: 'unknown',
      problems: ['replicates from 10.0.0.9:3306, not from the primary'],
    });
  });

  it('says what is wrong with a replica', () => {
    const problems = (outcome: ProbeOutcome, scene: Scene = {}) => serverView(1, outcome, scene)?.problems;
    expect(problems(ok(replica({ receiver: 'connecting', receiverError: 'access denied' })))).toEqual([
      'receiver not connected: access denied',
    ]);
    expect(problems(ok(replica({ receiver: 'off', applier: 'off', applierError: 'duplicate key' })))).toEqual([
      'receiver off',
      'applier off: duplicate key',
    ]);
    const open = replica({}, { readOnly: false, superReadOnly: false });
    expect(problems(ok(open))).toEqual(['writable, and should not be']);
    expect(problems(ok(facts({ readOnly: true })))).toEqual(['replicates from nobody']);
    expect(problems(ok(replica()), { cluster: { awaitingRejoin: [db2] } })).toEqual(['awaiting rejoin']);
  });

  it('says how it fails to answer; an answer of any kind is reachable', () => {
    const miss = serverView(0, { kind: 'refused', detail: 'x' });
    expect(miss).toMatchObject({ reachable: false, writable: false, version: null, role: 'primary' });
    expect(miss?.problems).toEqual(['refused: nothing listens there']);
    const alive = serverView(0, { kind: 'alive', reason: 'access denied', detail: '1045' });
    expect(alive).toMatchObject({ reachable: true, problems: ['alive, but access denied'] });
    expect(serverView(0, ok(facts({ readOnly: true })))?.problems).toEqual(['the primary is read-only']);
  });

  it('trusts no old observation', () => {
    const seen = [observed('db1', ok(facts()), 1000)];
    expect(clusterView({ seen })?.servers[0]).toMatchObject({
      reachable: false,
      writable: false,
      problems: ['not looked at for 10 s by this manager'],
    });
    expect(clusterView({ seen: [] })?.servers[0]?.problems).toEqual(['not seen by this manager yet']);
  });

  it('tells who waits for acknowledgements and who gives them', () => {
    const semiSync = { sourceEnabled: true, replicaEnabled: false, sourceActive: true, sourceClients: 1 };
    expect(serverView(0, ok(facts({ semiSync })))?.sync).toBe(true);
    expect(serverView(1, ok(replica({}, { semiSync })))?.sync).toBe(false);
    expect(serverView(1, ok(replica({}, { semiSync: { ...semiSync, replicaEnabled: true } })))?.sync).toBe(true);
  });
});
