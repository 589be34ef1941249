/**
 * The replicated state machine: `reduce(state, command, stamp)`. Deterministic, total (a command that does not fit is
 * rejected with a sentence and changes nothing), and the first fence of all: whatever a deposed leader still manages to
 * say about an operation carries an old epoch and is rejected here.
 */
import { assertNever, epoch as makeEpoch } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import type { Command, CommandResult } from './commands.js';
import { limits } from './limits.js';
import { finishOperation, reduceOperation, startOperation, takeOver } from './operation-reducer.js';
import type { ClusterState, HaState } from './state.js';

export interface Stamp {
  /** Log index of the entry. */
  readonly index: number;
  /** Cluster time of the entry. */
  readonly timeMs: number;
}

export interface Reduced {
  readonly state: HaState;
  readonly result: CommandResult;
}

/** What a reducer of one cluster answers. */
export type ClusterReduced = ClusterState | { readonly rejected: string };

export function reduce(before: HaState, command: Command, stamp: Stamp): Reduced {
  const state: HaState = { ...before, timeMs: Math.max(before.timeMs, stamp.timeMs) };
  if (command.kind === 'reducer-version-raised') return raiseVersion(state, command.to);
  if (command.kind === 'config-applied') return applyConfig(state, command, stamp);
  const cluster = state.clusters[command.cluster];
  if (cluster === undefined) return rejected(state, `there is no cluster ${command.cluster}`);
  const next = reduceCluster(cluster, command, state, stamp);
  if ('rejected' in next) return rejected(state, next.rejected);
  return { state: { ...state, clusters: { ...state.clusters, [command.cluster]: next } }, result: { ok: true } };
}

function reduceCluster(
  cluster: ClusterState,
  command: Exclude<Command, { kind: 'config-applied' | 'reducer-version-raised' }>,
  state: HaState,
  stamp: Stamp,
): ClusterReduced {
  switch (command.kind) {
    case 'operation-started':
      return startOperation(cluster, command, state);
    case 'operation-taken-over':
      return takeOver(cluster, command, state);
    case 'operation-finished':
      return finishOperation(cluster, command, state);
    case 'step-started':
    case 'step-finished':
    case 'operation-rewound':
    case 'operation-blocked':
    case 'rollback-started':
    case 'primary-changed':
      return reduceOperation(cluster, command, { index: stamp.index, timeMs: state.timeMs });
    default:
      return assertNever(command);
  }
}

function raiseVersion(state: HaState, to: number): Reduced {
  if (to <= state.reducerVersion) return rejected(state, `the reducer is at version ${state.reducerVersion} already`);
  return { state: { ...state, reducerVersion: to }, result: { ok: true } };
}

function rejected(state: HaState, reason: string): Reduced {
  return { state, result: { ok: false, reason } };
}

function applyConfig(
  state: HaState,
  command: Extract<Command, { kind: 'config-applied' }>,
  stamp: Stamp,
): Reduced {
  if (command.basedOnVersion !== state.configVersion) {
    return rejected(state, `the configuration is at version ${state.configVersion} by now: look again and repeat`);
  }
  if (Object.keys(command.clusters).length > limits.clustersMax) {
    return rejected(state, `more than ${limits.clustersMax} clusters`);
  }
  const clusters: Record<string, ClusterState> = {};
  for (const [name, spec] of Object.entries(command.clusters)) {
    const known = state.clusters[name];
    const next = known === undefined ? newCluster(name, spec, command, stamp) : changedCluster(known, spec);
    if ('rejected' in next) return rejected(state, next.rejected);
    clusters[name] = next;
  }
  for (const [name, cluster] of Object.entries(state.clusters)) {
    if (!(name in clusters) && cluster.operation !== null) {
      return rejected(state, `cluster ${name} cannot be removed while ${cluster.operation.id} is running`);
    }
  }
  return { state: { ...state, configVersion: state.configVersion + 1, clusters }, result: { ok: true } };
}

function newCluster(
  name: string,
  spec: ClusterSpec,
  command: Extract<Command, { kind: 'config-applied' }>,
  stamp: Stamp,
): ClusterReduced {
  const primary = command.primaries[name];
  if (primary === undefined || !spec.servers.some((server) => server.name === primary)) {
    return { rejected: `cluster ${name} is new and its primary is not known` };
  }
  return {
    name: name as ClusterState['name'],
    spec,
    pendingSpec: null,
    primary,
    // Above every epoch that this log has ever given out: servers remember those of a cluster that was removed.
    epoch: makeEpoch(stamp.index),
    operation: null,
    hiddenSinceIndex: null,
    awaitingRejoin: [],
    unrestored: null,
    history: [],
  };
}

function changedCluster(cluster: ClusterState, spec: ClusterSpec): ClusterReduced {
  const names = new Set(spec.servers.map((server) => server.name));
  if (!names.has(cluster.primary)) {
    return { rejected: `${cluster.primary} is the primary of ${cluster.name} and cannot be removed` };
  }
  if (cluster.operation === null) {
    return { ...cluster, spec, awaitingRejoin: cluster.awaitingRejoin.filter((server) => names.has(server)) };
  }
  // The operation may be about to promote any of its servers.
  const lost = cluster.spec.servers.find((server) => !names.has(server.name));
  if (lost !== undefined) {
    return { rejected: `${lost.name} cannot be removed while ${cluster.operation.id} is running` };
  }
  return { ...cluster, pendingSpec: spec };
}
