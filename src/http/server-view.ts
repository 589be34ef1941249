/**
 * One server as the API shows it, from what this manager itself saw last. Pure. An observation that is too old to say
 * anything about now counts as none.
 */
import type { ProbeOutcome, ReplicaFacts, ServerFacts } from '../base/index.js';
import type { ServerSpec } from '../ha/cluster-spec.js';
import type { ReceivedObservation } from '../ha/observation.js';
import type { ClusterState } from '../ha/state.js';
import type { ServerStatus } from './api-types.js';
import { limits } from './limits.js';

export interface ServerViewInput {
  readonly cluster: ClusterState;
  readonly server: ServerSpec;
  readonly observation: ReceivedObservation | null;
  /** This manager's observation of the recorded primary: recognises the source by UUID where names differ. */
  readonly primaryObservation: ReceivedObservation | null;
  readonly nowMs: number;
}

export function formatAddress(server: ServerSpec): string {
  return server.host.includes(':') ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`;
}

export function staleAfterMs(cluster: ClusterState): number {
  const { intervalMs, probeTimeoutMs } = cluster.spec.detection;
  return intervalMs * limits.staleIntervals + probeTimeoutMs;
}

export function isFresh(cluster: ClusterState, observation: ReceivedObservation, nowMs: number): boolean {
  return nowMs - observation.receivedAtMs <= staleAfterMs(cluster);
}

export function factsOf(observation: ReceivedObservation | null): ServerFacts | null {
  return observation?.outcome.kind === 'ok' ? observation.outcome.facts : null;
}

export function isWritable(facts: ServerFacts | null): boolean {
  return facts !== null && !facts.readOnly && !facts.superReadOnly && !facts.offline;
}

function followsPrimary(replica: ReplicaFacts, input: ServerViewInput): boolean {
  const primary = input.cluster.spec.servers.find((server) => server.name === input.cluster.primary);
  if (primary === undefined) return false;
  const isSameHost = replica.sourceHost.toLowerCase() === primary.host.toLowerCase();
  if (isSameHost && replica.sourcePort === primary.port) return true;
  const primaryUuid = factsOf(input.primaryObservation)?.serverUuid ?? '';
  return primaryUuid !== '' && replica.sourceUuid === primaryUuid;
}

function outcomeProblems(outcome: ProbeOutcome): string[] {
  switch (outcome.kind) {
    case 'ok':
      return [];
    case 'refused':
      return ['refused: nothing listens there'];
    case 'reset':
      return ['connection reset'];
    case 'timeout':
      return ['no answer in time'];
    case 'hung':
      return ['hung: it connects, but statements do not finish'];
    case 'alive':
      return [`alive, but ${outcome.reason}`];
    case 'unknown':
      return [`cannot be told from here: ${outcome.detail}`];
  }
}

function withError(text: string, error: string): string {
  return error === '' ? text : `${text}: ${error}`;
}

function replicaProblems(facts: ServerFacts, replica: ReplicaFacts, follows: boolean): string[] {
  const problems: string[] = [];
  if (!follows) problems.push(`replicates from ${replica.sourceHost}:${replica.sourcePort}, not from the primary`);
  if (replica.receiver === 'off') problems.push(withError('receiver off', replica.receiverError));
  if (replica.receiver === 'connecting') problems.push(withError('receiver not connected', replica.receiverError));
  if (replica.applier === 'off') problems.push(withError('applier off', replica.applierError));
  if (replica.delayS > 0) problems.push(`delayed by ${replica.delayS} s on purpose`);
  if (isWritable(facts)) problems.push('writable, and should not be');
  return problems;
}

function factProblems(facts: ServerFacts, isPrimary: boolean, follows: boolean): string[] {
  const problems: string[] = [];
  if (facts.offline) problems.push('offline mode');
  if (isPrimary) {
    if (facts.replica !== null) {
      problems.push(`the primary replicates from ${facts.replica.sourceHost}:${facts.replica.sourcePort}`);
    }
    if (facts.readOnly || facts.superReadOnly) problems.push('the primary is read-only');
  } else if (facts.replica === null) {
    problems.push('replicates from nobody');
    if (isWritable(facts)) problems.push('writable, and should not be');
  } else {
    problems.push(...replicaProblems(facts, facts.replica, follows));
  }
  if (!facts.logBin) problems.push('binary log off');
  return problems;
}

function problemsOf(input: ServerViewInput, facts: ServerFacts | null, follows: boolean): string[] {
  const { cluster, server, observation, nowMs } = input;
  const problems: string[] = cluster.awaitingRejoin.includes(server.name) ? ['awaiting rejoin'] : [];
  if (observation === null) return [...problems, 'not seen by this manager yet'];
  if (!isFresh(cluster, observation, nowMs)) {
    const ageS = Math.round((nowMs - observation.receivedAtMs) / 1000);
    return [...problems, `not looked at for ${ageS} s by this manager`];
  }
  problems.push(...outcomeProblems(observation.outcome));
  if (facts !== null) problems.push(...factProblems(facts, server.name === cluster.primary, follows));
  return problems;
}

export function serverStatus(input: ServerViewInput): ServerStatus {
  const { cluster, server, observation, nowMs } = input;
  const fresh = observation !== null && isFresh(cluster, observation, nowMs) ? observation : null;
  const facts = factsOf(fresh);
  const isPrimary = server.name === cluster.primary;
  const replica = facts?.replica ?? null;
  const follows = replica !== null && followsPrimary(replica, input);
  const semiSync = facts?.semiSync ?? null;
  return {
    name: server.name,
    address: formatAddress(server),
    role: isPrimary ? 'primary' : follows ? 'replica' : 'unknown',
    reachable: fresh?.outcome.kind === 'ok' || fresh?.outcome.kind === 'alive',
    writable: isWritable(facts),
    lagMs: isPrimary ? null : (replica?.lagMs ?? null),
    version: facts?.version ?? null,
    sync: semiSync !== null && (isPrimary ? semiSync.sourceActive : semiSync.replicaEnabled === true),
    candidate: server.candidate,
    problems: problemsOf(input, facts, follows),
  };
}
