/**
 * The whole status as the API shows it, from the manager's parts. Pure: time comes in. Everything said here is this
 * manager's own view; a manager without a quorum says so and judges nothing.
 */
import type { ManagerId } from '../base/index.js';
import type { ReceivedObservation } from '../ha/observation.js';
import type { ClusterState, HaState, Operation } from '../ha/state.js';
import type { ClusterStatus, ManagerStatus, OperationStatus, StatusResponse } from './api-types.js';
import { operationStatus } from './operation-view.js';
import { factsOf, isFresh, isWritable, serverStatus } from './server-view.js';

export interface PeerView {
  readonly id: ManagerId;
  readonly reachable: boolean;
  readonly roundTripMs: number | null;
}

export interface StatusInput {
  /** The manager that answers. */
  readonly manager: ManagerId;
  readonly clusterId: string;
  readonly raft: {
    readonly role: 'leader' | 'follower' | 'candidate' | 'pre-candidate';
    readonly term: number;
    readonly leader: ManagerId | null;
    readonly voters: readonly ManagerId[];
  };
  /** The other managers. */
  readonly peers: readonly PeerView[];
  readonly state: HaState;
  /** This manager's own latest, keyed `${cluster}/${server}`. */
  readonly observations: ReadonlyMap<string, ReceivedObservation>;
  /** The leader's verdict per cluster; empty on a follower. */
  readonly verdicts: ReadonlyMap<string, { readonly kind: string; readonly reason: string }>;
  /** The clock of `receivedAtMs`. */
  readonly nowMs: number;
}

interface Quorum {
  readonly reachable: number;
  readonly voters: number;
  readonly has: boolean;
}

function listed(names: readonly string[]): string {
  if (names.length <= 1) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

function managerStatus(input: StatusInput, id: ManagerId): ManagerStatus {
  const { manager, raft, peers } = input;
  if (id === manager) {
    const role = raft.role === 'pre-candidate' ? 'candidate' : raft.role;
    return { id, role, reachable: true, roundTripMs: null };
  }
  const peer = peers.find((candidate) => candidate.id === id);
  const reachable = peer?.reachable ?? false;
  // A leader that is not reachable from here is still the last one known; `reachable` says the rest.
  const role = raft.leader === id ? 'leader' : reachable ? 'follower' : 'unknown';
  return { id, role, reachable, roundTripMs: reachable ? (peer?.roundTripMs ?? null) : null };
}

function quorumReason(input: StatusInput, managers: readonly ManagerStatus[], quorum: Quorum): string {
  const up = managers.filter((manager) => manager.reachable).map((manager) => manager.id);
  const down = managers.filter((manager) => !manager.reachable).map((manager) => manager.id);
  const all = managers.map((manager) => manager.id).join(', ');
  if (!quorum.has) {
    const acts = up.length === 1 ? 'is reachable; it acts' : 'are reachable; they act';
    return `no quorum: only ${listed(up)} of ${all} ${acts} on nothing until a majority is back`;
  }
  const missing = down.length === 0 ? '' : `, ${listed(down)} ${down.length === 1 ? 'is' : 'are'} not`;
  const counts = `${quorum.reachable} of ${quorum.voters} managers reachable${missing}`;
  const { leader } = input.raft;
  return leader === null ? `no leader yet: an election is running; ${counts}` : `${leader} leads; ${counts}`;
}

/** `DeadPrimary`, `dead-primary` -> `dead primary`. */
function stateWords(kind: string): string {
  return kind.replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('-', ' ').toLowerCase();
}

interface StateAndReason {
  readonly state: string;
  readonly reason: string;
}

function operationReason(operation: OperationStatus): string {
  const target = operation.newPrimary ?? 'a replica to be chosen';
  const step = operation.step === null ? 'about to begin' : `step ${operation.step}`;
  const what = operation.phase === 'rolling-back' ? `rolls back: ${operation.reason}` : step;
  return `${operation.kind} from ${operation.oldPrimary} to ${target}, epoch ${operation.epoch}: ${what}`;
}

/** What this manager sees by itself, where no verdict of a leader is at hand. */
function ownView(input: StatusInput, cluster: ClusterState): StateAndReason {
  const observation = input.observations.get(`${cluster.name}/${cluster.primary}`) ?? null;
  const primary = `the primary ${cluster.primary}`;
  const from = `seen from ${input.manager}; the leader judges`;
  if (observation === null || !isFresh(cluster, observation, input.nowMs) || observation.outcome.kind === 'unknown') {
    return { state: 'unknown', reason: `${input.manager} has not seen ${primary} lately` };
  }
  const { outcome } = observation;
  if (outcome.kind === 'ok') {
    if (isWritable(factsOf(observation))) {
      return { state: 'healthy', reason: `${primary} answers and is writable (${from})` };
    }
    return { state: 'no writable primary', reason: `${primary} answers and is read-only (${from})` };
  }
  if (outcome.kind === 'alive') {
    return { state: 'primary alive', reason: `${primary} is alive, but ${outcome.reason} (${from})` };
  }
  return {
    state: 'primary unreachable from here',
    reason: `${primary} does not answer ${input.manager} (${outcome.kind}); the leader judges`,
  };
}

function stateOf(input: StatusInput, cluster: ClusterState, quorum: Quorum, why: string): StateAndReason {
  const operation = cluster.operation === null ? null : operationStatus(cluster.operation);
  if (!quorum.has) {
    const waits = operation === null ? '' : `; the ${operation.kind} ${operation.id} waits`;
    return { state: 'unmanaged', reason: `${why}${waits}` };
  }
  if (operation !== null && operation.phase === 'blocked') {
    return { state: 'blocked', reason: `the ${operation.kind} ${operation.id} is blocked: ${operation.reason}` };
  }
  if (operation !== null) return { state: operation.kind, reason: operationReason(operation) };
  const verdict = input.verdicts.get(cluster.name);
  if (verdict !== undefined) return { state: stateWords(verdict.kind), reason: verdict.reason };
  return ownView(input, cluster);
}

function lastOf(history: readonly Operation[]): OperationStatus | null {
  const last = history[history.length - 1];
  return last === undefined ? null : operationStatus(last);
}

function clusterStatus(input: StatusInput, cluster: ClusterState, quorum: Quorum, why: string): ClusterStatus {
  const observationOf = (server: string): ReceivedObservation | null =>
    input.observations.get(`${cluster.name}/${server}`) ?? null;
  return {
    name: cluster.name,
    primary: cluster.primary,
    ...stateOf(input, cluster, quorum, why),
    durability: cluster.spec.durability,
    epoch: cluster.epoch,
    servers: cluster.spec.servers.map((server) =>
      serverStatus({
        cluster,
        server,
        observation: observationOf(server.name),
        primaryObservation: observationOf(cluster.primary),
        nowMs: input.nowMs,
      }),
    ),
    operation: cluster.operation === null ? null : operationStatus(cluster.operation),
    lastOperation: lastOf(cluster.history),
  };
}

export function statusResponse(input: StatusInput): StatusResponse {
  const { manager, clusterId, raft, state } = input;
  const managers = raft.voters.map((id) => managerStatus(input, id));
  const reachable = managers.filter((candidate) => candidate.reachable).length;
  const voters = raft.voters.length;
  const quorum: Quorum = { reachable, voters, has: voters > 0 && reachable > voters / 2 };
  const reason = quorumReason(input, managers, quorum);
  return {
    manager,
    clusterId,
    leader: quorum.has ? raft.leader : null,
    term: raft.term,
    quorum,
    reason,
    managers,
    clusters: Object.values(state.clusters).map((cluster) => clusterStatus(input, cluster, quorum, reason)),
  };
}

/** Running operations first, then ended ones, latest first. `cluster` null: of all clusters. */
export function operationsOf(state: HaState, cluster: string | null): readonly OperationStatus[] {
  const chosen = Object.values(state.clusters).filter((candidate) => cluster === null || candidate.name === cluster);
  const latestFirst = (a: Operation, b: Operation): number => b.startedAtMs - a.startedAtMs;
  const running = chosen.flatMap((candidate) => (candidate.operation === null ? [] : [candidate.operation]));
  const ended = chosen.flatMap((candidate) => [...candidate.history]);
  return [...running.sort(latestFirst), ...ended.sort(latestFirst)].map(operationStatus);
}

export function operationById(state: HaState, id: string): OperationStatus | null {
  for (const cluster of Object.values(state.clusters)) {
    if (cluster.operation?.id === id) return operationStatus(cluster.operation);
    const ended = cluster.history.find((candidate) => candidate.id === id);
    if (ended !== undefined) return operationStatus(ended);
  }
  return null;
}
