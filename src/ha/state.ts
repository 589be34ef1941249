/**
 * The replicated state: what all managers agree on. Changed only by the reducer (reducer.ts), plain data throughout
 * (it goes through msgpackr into snapshots), keyed by records and never by Maps.
 */
import type { ClusterName, Epoch, ManagerId, OperationId, ServerName } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';

export const failoverSteps = [
  'confirm',
  'fence',
  'freeze',
  'survey',
  'choose',
  'catch-up',
  'promote',
  'publish',
  're-point',
  'finish',
] as const;

export const switchoverSteps = [
  'check',
  'pause-writes',
  'catch-up',
  'promote',
  'publish',
  're-point',
  'finish',
] as const;

export type FailoverStep = (typeof failoverSteps)[number];
export type SwitchoverStep = (typeof switchoverSteps)[number];
export type StepName = FailoverStep | SwitchoverStep;
export type OperationKind = 'failover' | 'switchover';

export function stepsOf(kind: OperationKind): readonly StepName[] {
  return kind === 'failover' ? failoverSteps : switchoverSteps;
}

/** What a step found out and did: plain data, kept in the journal, read by later steps and by people. */
export type StepResult = Readonly<Record<string, unknown>>;

export interface JournalEntry {
  readonly step: StepName;
  readonly epoch: Epoch;
  readonly by: ManagerId;
  readonly startedAtMs: number;
  /** null while the step runs (or was interrupted). */
  readonly finishedAtMs: number | null;
  readonly result: StepResult | null;
  /** One sentence for people. */
  readonly summary: string;
}

export interface Takeover {
  readonly epoch: Epoch;
  readonly by: ManagerId;
  readonly atMs: number;
  /** The step at the cursor when it was taken over. */
  readonly step: StepName | null;
}

export type OperationOutcome = 'done' | 'rolled-back';
export type OperationPhase = 'running' | 'rolling-back' | 'blocked' | OperationOutcome;

export interface Operation {
  readonly id: OperationId;
  readonly kind: OperationKind;
  readonly cluster: ClusterName;
  /** Of the latest takeover; each one is in `takeovers`. */
  readonly epoch: Epoch;
  readonly configVersion: number;
  readonly oldPrimary: ServerName;
  /** Asked for by a person (`--to`); null lets hactl choose. */
  readonly requestedTarget: ServerName | null;
  /** The plan: who becomes primary. Null until chosen. From StepStarted(promote) on it never changes. */
  readonly newPrimary: ServerName | null;
  readonly phase: OperationPhase;
  /** Why it is blocked or was rolled back; empty otherwise. */
  readonly reason: string;
  /** Index into stepsOf(kind) of the first step without a committed result. */
  readonly cursor: number;
  /** True once StepStarted(promote) is committed: from then on only forward. */
  readonly pastNoReturn: boolean;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly startedBy: ManagerId;
  /** Every epoch this operation ran under, first to last. */
  readonly takeovers: readonly Takeover[];
  /** How often it went back to an earlier step because the world had changed. */
  readonly rewinds: number;
  readonly journal: readonly JournalEntry[];
}

/** How servers were before anything was touched: committed by the first step, restored by a rollback. */
export interface FormerServer {
  readonly readOnly: boolean;
  readonly superReadOnly: boolean;
  readonly waitsForAcks: boolean;
  readonly acknowledges: boolean;
  /** Null when it replicated from nobody. */
  readonly source: { readonly host: string; readonly port: number } | null;
  readonly isReceiving: boolean;
  readonly isApplying: boolean;
}

export type FormerServers = Readonly<Record<string, FormerServer>>;

export interface ClusterState {
  readonly name: ClusterName;
  readonly spec: ClusterSpec;
  /** An `apply` that came during an operation: takes effect when it ends. */
  readonly pendingSpec: ClusterSpec | null;
  readonly primary: ServerName;
  readonly epoch: Epoch;
  readonly operation: Operation | null;
  /** Log index at which the endpoints last had to stop naming the primary; null while they may name it. */
  readonly hiddenSinceIndex: number | null;
  /** Former primaries that a failover took away and nobody has brought back yet. */
  readonly awaitingRejoin: readonly ServerName[];
  /** How servers were that a rollback could not restore: the next operation takes that for their former state. */
  readonly unrestored: FormerServers | null;
  /** Ended operations, latest last, at most `limits.historyPerCluster`. */
  readonly history: readonly Operation[];
}

export interface HaState {
  readonly reducerVersion: number;
  /** Grows with each accepted `apply`. */
  readonly configVersion: number;
  /** Cluster time of the last entry. */
  readonly timeMs: number;
  readonly clusters: Readonly<Record<string, ClusterState>>;
}

export const emptyState: HaState = { reducerVersion: 1, configVersion: 0, timeMs: 0, clusters: {} };
