/**
 * What every step looks like. A step is *look, act if needed, verify*: it may be run again from any half-done state by
 * any manager, so it never trusts what it remembers, only the journal (committed) and a fresh look (reality).
 */
import type { ServerFacts, ServerName } from '../../base/index.js';
import type { ClusterSpec } from '../cluster-spec.js';
import { membersOf } from '../members.js';
import type { ObservationTable } from '../observation-table.js';
import type { ActionSession, HaPorts } from '../ports.js';
import type { SessionPool } from '../session-pool.js';
import type { ClusterState, FormerServer, FormerServers, Operation, StepName, StepResult } from '../state.js';
import type { Verdict } from '../verdict.js';

export type StepOutcome =
  | {
      readonly kind: 'finished';
      readonly result: StepResult;
      readonly summary: string;
      readonly newPrimary: ServerName | null;
    }
  /** The world changed: go on from an earlier step. Only before the point of no return. */
  | { readonly kind: 'rewind'; readonly to: StepName; readonly reason: string }
  /** Cannot go on now; tried again when something changes. */
  | { readonly kind: 'blocked'; readonly reason: string }
  /** Undo. Only before the point of no return. */
  | { readonly kind: 'roll-back'; readonly reason: string };

/** A verdict and when it was given, monotonic. */
export interface JudgedVerdict {
  readonly verdict: Verdict;
  readonly atMs: number;
}

export interface StepContext {
  readonly ports: HaPorts;
  readonly sessions: SessionPool;
  readonly table: ObservationTable;
  /** As it is applied now: read again at each use. */
  cluster(): ClusterState;
  operation(): Operation;
  readonly spec: ClusterSpec;
  /** The verdict that started the operation, while the same manager conducts it in one go; else null. */
  readonly openingVerdict: JudgedVerdict | null;
  /** A new verdict, with a confirming round of its own. */
  judge(): Promise<Verdict>;
  /** Opens (or reuses) a session with a bound that fits what is known of the server. */
  session(server: ServerName): Promise<ActionSession>;
  /** Closes all sessions, so that whatever is under way on them goes no further. */
  dropSessions(): void;
  /** Monotonic time at which a switchover must have reached `promote`; null where there is no budget. */
  deadlineMs: number | null;
}

export interface Step {
  readonly name: StepName;
  run(context: StepContext): Promise<StepOutcome>;
  /** Looked at before StepStarted is committed; null lets it begin. */
  lastLook?(context: StepContext): Promise<StepOutcome | null>;
}

export function finished(summary: string, result: StepResult, newPrimary: ServerName | null = null): StepOutcome {
  return { kind: 'finished', summary, result, newPrimary };
}

/** The committed result of the latest run of `step`; null if it has none. */
export function resultOf<T>(operation: Operation, step: StepName): T | null {
  const entry = operation.journal.findLast((candidate) => candidate.step === step && candidate.result !== null);
  return entry === undefined ? null : (entry.result as unknown as T);
}

function formerOf(facts: ServerFacts): FormerServer {
  return {
    readOnly: facts.readOnly,
    superReadOnly: facts.superReadOnly,
    waitsForAcks: facts.semiSync?.sourceEnabled ?? false,
    acknowledges: facts.semiSync?.replicaEnabled ?? false,
    source: facts.replica === null ? null : { host: facts.replica.sourceHost, port: facts.replica.sourcePort },
    isReceiving: facts.replica !== null && facts.replica.receiver !== 'off',
    isApplying: facts.replica?.applier === 'on',
  };
}

/** What the first step, `confirm` or `check`, committed before anything was touched; null until it has. */
function beginning(operation: Operation): { former: FormerServers; members: readonly ServerName[] } | null {
  return resultOf(operation, operation.kind === 'failover' ? 'confirm' : 'check');
}

/** How every server was; empty for one that could not be seen then. */
export function formerServers(operation: Operation): FormerServers {
  return beginning(operation)?.former ?? {};
}

/**
 * The servers that take part, as the first step committed them: a returned former primary would be a stranger again as
 * soon as its receiver is stopped, or the primary has another name.
 */
export function participants(context: StepContext): readonly ServerName[] {
  return beginning(context.operation())?.members ?? membersOf(context.cluster(), context.table);
}

/** What to commit as the former state: as an unfinished rollback left it on record, else as it was seen. */
export function formerServersNow(context: StepContext, seen: Readonly<Record<string, ServerFacts>>): FormerServers {
  const former: Record<string, FormerServer> = {};
  for (const [name, facts] of Object.entries(seen)) former[name] = formerOf(facts);
  return { ...former, ...context.cluster().unrestored };
}
