/**
 * What the command line asks of the data directory of a stopped manager. The part that opens stores is given from
 * outside and loaded only then, so that `hactl status` stays quick. All of it is plain data: --json prints it as it is.
 */

/** Which store: a directory, or the one of a manager.yaml, which must then be that manager's. */
export type StoreTarget = { readonly directory: string } | { readonly config: string };

export type StoreVerdictReport =
  | { readonly kind: 'sound' }
  /** Entries of a last write that was never acknowledged and is damaged: a start cuts them off. */
  | { readonly kind: 'cut'; readonly from: number; readonly count: number }
  /** `refused`: a recovery was not finished. */
  | { readonly kind: 'refused' | 'faulted'; readonly why: string };

export interface PointReport {
  readonly index: number;
  readonly term: number;
  /** ISO 8601. */
  readonly time: string;
}

export interface MembersReport {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  readonly removed: readonly string[];
}

export interface SnapshotReport extends PointReport {
  readonly bytes: number;
  readonly members: MembersReport;
}

/** Null: it cannot be read, or there is none. */
export interface StoreReport {
  readonly directory: string;
  readonly clusterId: string | null;
  readonly manager: string | null;
  readonly storeId: string | null;
  readonly lineage: string | null;
  readonly verdict: StoreVerdictReport;
  /** Writes: in the database, and acknowledged by the marker. */
  readonly generation: number | null;
  readonly markedGeneration: number | null;
  readonly term: number | null;
  readonly votedFor: string | null;
  readonly commitIndex: number | null;
  readonly snapshot: SnapshotReport | null;
  /** The entry before the first one. */
  readonly base: { readonly index: number; readonly term: number } | null;
  readonly first: PointReport | null;
  readonly last: PointReport | null;
  readonly entries: number;
  readonly bytes: number;
  /** The newest in the log. */
  readonly members: MembersReport | null;
}

export interface DumpedEntry extends PointReport {
  readonly kind: 'command' | 'membership' | 'no-op';
  readonly words: string;
  /** A command or a membership as it is; null for a no-op, and for what this build cannot read. */
  readonly content: unknown;
  readonly session: { readonly id: string; readonly serial: number } | null;
}

export interface LogDump {
  readonly store: StoreReport;
  /** What each cluster is like at the end of the log, one sentence each; or why that cannot be told. */
  readonly clusters: readonly string[];
  /** Null unless it was asked for. */
  readonly snapshotState: unknown;
  readonly entries: readonly DumpedEntry[];
  /** A sentence: where the entries stop before the log does, and why. */
  readonly stopsAt: string | null;
}

export interface DumpRange {
  readonly from: number | null;
  readonly to: number | null;
  readonly snapshot: boolean;
}

export interface RecoveryPlanReport {
  readonly clusterId: string;
  readonly manager: string;
  readonly lineage: string | null;
  readonly directory: string;
  readonly lastTerm: number;
  readonly lastIndex: number;
  readonly lastTime: string | null;
  readonly commitIndex: number;
  readonly cutCount: number;
  readonly members: readonly string[];
  /** What each cluster is like at the end of the log, one sentence each. */
  readonly clusters: readonly string[];
  readonly isResumed: boolean;
  readonly copy: string;
}

export type RecoveryReport =
  | {
      readonly outcome: 'recovered';
      readonly plan: RecoveryPlanReport;
      readonly lineage: string;
      readonly storeId: string;
      readonly lastIndex: number;
      readonly term: number;
    }
  | { readonly outcome: 'nothing-to-do' | 'declined'; readonly plan: RecoveryPlanReport };

export interface StoreTools {
  verify(target: StoreTarget): Promise<StoreReport>;
  dump(target: StoreTarget, range: DumpRange): Promise<LogDump>;
  recover(
    config: string,
    clusterId: string,
    agree: (plan: RecoveryPlanReport) => Promise<boolean>,
  ): Promise<RecoveryReport>;
}
