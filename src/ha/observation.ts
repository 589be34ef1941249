/**
 * What one manager saw of one server at one time. Observations travel over RPC to the leader, latest wins; they are
 * never log entries.
 */
import type { ClusterName, ManagerId, ProbeOutcome, ServerName } from '../base/index.js';

export interface Observation {
  readonly manager: ManagerId;
  readonly cluster: ClusterName;
  readonly server: ServerName;
  readonly outcome: ProbeOutcome;
  /** How many misses in a row this one ends, 0 for an answer. */
  readonly misses: number;
  /** How long the row of misses has lasted at this observation, milliseconds; 0 for an answer. */
  readonly missingForMs: number;
  /** The nonce of the confirming round that this observation was made for; null for an ordinary probe. */
  readonly nonce: string | null;
}

/** An observation with the time at which its holder received it (its own monotonic clock). */
export interface ReceivedObservation extends Observation {
  readonly receivedAtMs: number;
}
