/** The JSON of the HTTP API: the only thing that the command line knows of a manager. Times are ISO 8601 in UTC. */
import type { ErrorText } from '../base/index.js';
import type { ManagerPart, ManagerRole, QuorumStatus } from './managers-types.js';

export type * from './managers-types.js';

export interface ManagerStatus {
  readonly id: string;
  readonly part: ManagerPart;
  readonly role: ManagerRole;
  readonly reachable: boolean;
  /** Round trip from the manager that answers; null for itself and while unknown. */
  readonly roundTripMs: number | null;
  /** What stands out, in words; what only the leader knows stands in the leader's answer alone. */
  readonly problems: readonly string[];
}

export interface ServerStatus {
  readonly name: string;
  readonly address: string;
  /** `unknown`: no answer yet, or it replicates from somewhere else. */
  readonly role: 'primary' | 'replica' | 'unknown';
  readonly reachable: boolean;
  readonly writable: boolean;
  /** null for the primary and where it cannot be told. */
  readonly lagMs: number | null;
  readonly version: string | null;
  /** It acknowledges semi-synchronous commits, or waits for them. */
  readonly sync: boolean;
  readonly candidate: 'prefer' | 'allow' | 'never';
  /** What stands out, in words: `refused`, `receiver stopped`, `awaiting rejoin`, ... */
  readonly problems: readonly string[];
}

export interface JournalStatus {
  readonly step: string;
  readonly epoch: number;
  readonly by: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly durationMs: number | null;
  readonly summary: string;
  readonly result: Readonly<Record<string, unknown>> | null;
}

export interface OperationStatus {
  readonly id: string;
  readonly kind: 'failover' | 'switchover';
  readonly cluster: string;
  readonly phase: 'running' | 'rolling-back' | 'blocked' | 'done' | 'rolled-back';
  /** Why it is blocked or was rolled back; empty otherwise. */
  readonly reason: string;
  readonly step: string | null;
  readonly epoch: number;
  /** Every epoch it ran under, first to last. */
  readonly epochs: readonly number[];
  readonly oldPrimary: string;
  readonly newPrimary: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly startedBy: string;
  readonly steps: readonly JournalStatus[];
}

export interface ClusterStatus {
  readonly name: string;
  readonly primary: string;
  /** The verdict in short: `healthy`, `suspected`, `dead primary`, ... or `failover` / `switchover` / `blocked`. */
  readonly state: string;
  /** One sentence: what is seen, what hactl does about it, why it does nothing. */
  readonly reason: string;
  readonly durability: string;
  readonly epoch: number;
  readonly servers: readonly ServerStatus[];
  readonly operation: OperationStatus | null;
  readonly lastOperation: OperationStatus | null;
}

export interface StatusResponse {
  /** The manager that answers. */
  readonly manager: string;
  readonly clusterId: string;
  readonly leader: string | null;
  readonly term: number;
  /** Voters alone. */
  readonly quorum: QuorumStatus;
  /** One sentence: does this quorum act, and if not, why. */
  readonly reason: string;
  readonly managers: readonly ManagerStatus[];
  readonly clusters: readonly ClusterStatus[];
}

export interface PrimaryResponse {
  readonly cluster: string;
  readonly primary: string;
  readonly host: string;
  readonly port: number;
  readonly epoch: number;
}

export interface ApplyRequest {
  /** The text of clusters.yaml. */
  readonly config: string;
  /** For a cluster that is seen for the first time: cluster -> server. The empty key stands for the only cluster. */
  readonly primaries: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
  /** Made once by the caller: a retry with the same id does not run twice. */
  readonly requestId: string;
}

export interface ApplyResponse {
  readonly configVersion: number;
  readonly dryRun: boolean;
  /** One line per change, or what was left as it is. */
  readonly changes: readonly string[];
}

export interface SwitchoverRequest {
  readonly to: string | null;
  readonly dryRun: boolean;
  readonly requestId: string;
}

export interface SwitchoverResponse {
  /** null for a dry run. */
  readonly operationId: string | null;
  readonly oldPrimary: string;
  readonly newPrimary: string | null;
  /** Reasons against it; a dry run lists them, otherwise they are an error `refused`. */
  readonly refusals: readonly string[];
  /** A sentence per step of the plan. */
  readonly plan: readonly string[];
}

export interface OperationsResponse {
  readonly operations: readonly OperationStatus[];
}

export interface ErrorResponse {
  readonly error: ErrorText;
}
