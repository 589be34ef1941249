/**
 * The whole status as the API shows it, from the manager's parts. Pure: time comes in. Everything said here is this
 * manager's own view; a manager without a quorum says so and judges nothing.
 */
import type { ReceivedObservation } from '../ha/observation.js';
import type { ClusterState, HaState, Operation } from '../ha/state.js';
import type { ClusterStatus, ManagerStatus, OperationStatus, StatusResponse } from './api-types.js';
import { managerProblems, membersOf, quorumOf, quorumReason } from './managers-view.js';
import type { ManagersInput } from './managers-view.js';
import type { ManagerMember, QuorumStatus } from './managers-types.js';
import { operationStatus } from './operation-view.js';
import { factsOf, isFresh, isWritable, serverStatus } from './server-view.js';

export interface StatusInput extends ManagersInput {
  readonly state: HaState;
  /** This manager's own latest, keyed `${cluster}/${server}`. */
  readonly observations: ReadonlyMap<string, ReceivedObservation>;
  /** The leader's verdict per cluster; empty on a follower. */
  readonly verdicts: ReadonlyMap<string, { readonly kind: string; readonly reason: string }>;
  /** The clock of `receivedAtMs`. */
  readonly nowMs: number;
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

function stateOf(input: StatusInput, cluster: ClusterState, quorum: QuorumStatus, why: string): StateAndReason {
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

function clusterStatus(input: StatusInput, cluster: ClusterState, quorum: QuorumStatus, why: string): ClusterStatus {
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

function managerStatus(member: ManagerMember): ManagerStatus {
  const { id, part, role, reachable, roundTripMs } = member;
  return { id, part, role, reachable, roundTripMs, problems: managerProblems(member) };
}

export function statusResponse(input: StatusInput): StatusResponse {
  const { manager, clusterId, raft, state } = input;
  const members = membersOf(input);
  const quorum = quorumOf(members);
  const reason = quorumReason(input, members, quorum);
  return {
    manager,
    clusterId,
    leader: quorum.has ? raft.leader : null,
    term: raft.term,
    quorum,
    reason,
    managers: members.map(managerStatus),
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
