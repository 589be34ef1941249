/**
 * What one family of servers speaks: every statement that hactl sends, and how its answers read. One file per family,
 * all of this shape, so that a statement is looked for in one place and a new family is a new file. A flavor is text
 * and pure functions; it sends nothing. `?` marks a value that the session quotes.
 */
import type { ServerFacts } from '../../base/index.js';
import type { Row } from '../row.js';

/** What the read-only look of one server consists of. None of these may take or wait for a lock. */
export interface LookStatements {
  readonly server: string;
  readonly replica: string;
  readonly connectedReplicas: string;
}

export interface LookRows {
  readonly server: Row;
  /** One row per channel. */
  readonly replica: readonly Row[];
  readonly connectedReplicas: readonly Row[];
}

/** Where a receiver is pointed. */
export interface ReceiverTarget {
  readonly host: string;
  readonly port: number;
  /** null: what is configured stays. */
  readonly account: { readonly user: string; readonly password: string } | null;
  /** The server was never a replica (or has forgotten it): auto-positioning and the key of the source are set too. */
  readonly isFirst: boolean;
  /** Both threads are stopped and nothing is unapplied: auto-positioning can be switched on. */
  readonly setsAutoPosition: boolean;
}

export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export interface FlavorStatements {
  /** Sent first on every session: quoting must be exact whatever the server's defaults are. */
  readonly beginSession: string;
  readonly look: LookStatements;
  /** Nothing that this session writes may reach a binary log. */
  readonly withoutBinlog: string;
  readonly tryLock: string;
  readonly lockHolder: string;
  readonly sessionAttributes: string;
  readonly killSession: string;
  readonly recordedEpoch: string;
  readonly prepareFence: readonly string[];
  readonly recordEpoch: string;
  readonly clients: string;
  readonly offlineOn: string;
  readonly offlineOff: string;
  readonly lockWaitTimeout: string;
  readonly superReadOnlyOn: string;
  readonly superReadOnlyOff: string;
  readonly readOnlyOn: string;
  readonly readOnlyOff: string;
  readonly writability: string;
  readonly stopReceiver: string;
  readonly startReceiver: string;
  readonly startApplier: string;
  readonly stopReplica: string;
  readonly forgetReplica: string;
  readonly waitExecuted: string;
  readonly contains: string;
  readonly semiSyncVariables: string;
  /** Both names of one switch, newest first. */
  readonly acknowledgingNames: readonly string[];
  readonly waitingForAcksNames: readonly string[];
}

export interface Flavor {
  readonly family: string;
  readonly statements: FlavorStatements;
  readonly changeSource: (target: ReceiverTarget) => Statement;
  readonly setGlobalSwitch: (name: string, isOnWanted: boolean) => string;
  /** Throws BadRow. */
  readonly decodeFacts: (rows: LookRows) => ServerFacts;
}
