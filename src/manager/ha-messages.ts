/**
 * What managers say to each other beside Raft, on the `ha` channel. Peers are hactl managers of the same cluster id,
 * but bytes from a network are checked all the same: a message of another shape is dropped.
 */
import type { ClusterName, LogIndex, ManagerId, ProbeKind, Term } from '../base/index.js';
import type { Observation } from '../ha/index.js';

export type HaMessage =
  /** News of what the sender saw. */
  | { readonly kind: 'observations'; readonly observations: readonly Observation[] }
  /** Asks the leader for the right to name primaries, and tells how far the sender has applied. */
  | { readonly kind: 'pulse'; readonly seq: number; readonly appliedIndex: LogIndex }
  /** Granted, for whoever has applied `commitIndex`, counted from when pulse `seq` was sent. */
  | { readonly kind: 'pulse-ack'; readonly seq: number; readonly term: Term; readonly commitIndex: LogIndex }
  /** A confirming round: probe every server of the cluster anew. */
  | { readonly kind: 'confirm'; readonly nonce: string; readonly cluster: ClusterName }
  /** One answer of a confirming round; the last one of the sender says so. */
  | {
      readonly kind: 'confirmed';
      readonly nonce: string;
      readonly observation: Observation | null;
      readonly isLast: boolean;
    };

/** Observations in one message: more than any manager makes between two messages. */
const observationsMax = 4096;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isShortText = (value: unknown): value is string => typeof value === 'string' && value.length <= 128;

/** Null for anything that is not one of ours. `from` is who the connection says it is: nobody speaks for another. */
export function decodeHaMessage(payload: unknown, from: ManagerId): HaMessage | null {
  if (!isFields(payload)) return null;
  switch (payload['kind']) {
    case 'observations': {
      const list = payload['observations'];
      if (!Array.isArray(list) || list.length > observationsMax) return null;
      return list.every((item) => isObservation(item, from)) ? (payload as HaMessage) : null;
    }
    case 'pulse':
      return isCount(payload['seq']) && isCount(payload['appliedIndex']) ? (payload as HaMessage) : null;
    case 'pulse-ack': {
      const { seq, term, commitIndex } = payload;
      return isCount(seq) && isCount(term) && isCount(commitIndex) ? (payload as HaMessage) : null;
    }
    case 'confirm':
      return isShortText(payload['nonce']) && isShortText(payload['cluster']) ? (payload as HaMessage) : null;
    case 'confirmed': {
      const { nonce, observation, isLast } = payload;
      if (!isShortText(nonce) || typeof isLast !== 'boolean') return null;
      return observation === null || isObservation(observation, from) ? (payload as HaMessage) : null;
    }
    default:
      return null;
  }
}

const probeKinds: readonly ProbeKind[] = ['ok', 'refused', 'reset', 'timeout', 'hung', 'alive', 'unknown'];

function isObservation(value: unknown, from: ManagerId): value is Observation {
  if (!isFields(value)) return false;
  const { manager, cluster, server, outcome, misses, missingForMs, nonce } = value;
  return manager === from
    && isShortText(cluster)
    && isShortText(server)
    && isFields(outcome)
    && probeKinds.includes(outcome['kind'] as ProbeKind)
    && (outcome['kind'] !== 'ok' || isFacts(outcome['facts']))
    && isCount(misses)
    && typeof missingForMs === 'number'
    && missingForMs >= 0
    && (nonce === null || isShortText(nonce));
}

/** What the verdict and the table read without asking. */
function isFacts(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { serverUuid, version, executed, startedAtS, replica, replicaUuids } = value;
  const isText = (text: unknown): boolean => typeof text === 'string';
  return [serverUuid, version, executed].every(isText)
    && typeof startedAtS === 'number'
    && Array.isArray(replicaUuids)
    && (replica === null || isReplicaFacts(replica));
}

function isReplicaFacts(value: unknown): boolean {
  if (!isFields(value)) return false;
  const texts = ['sourceHost', 'sourceUuid', 'receiver', 'applier', 'received'];
  const numbers = ['sourcePort', 'heartbeats', 'heartbeatPeriodMs'];
  return texts.every((key) => typeof value[key] === 'string') && numbers.every((key) => typeof value[key] === 'number');
}
