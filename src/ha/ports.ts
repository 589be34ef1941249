/**
 * Everything that the logic of this folder may touch of the outside. Implemented by the adapters of the manager and by
 * the simulator. No other file here does I/O, reads a clock or draws random numbers.
 */
import type { ClusterName, Epoch, ManagerId, OperationId, Prng, ServerFacts, ServerName, Term } from '../base/index.js';
import type { ClusterSpec, ServerSpec } from './cluster-spec.js';
import type { Command, CommandResult } from './commands.js';
import type { Observation } from './observation.js';
import type { HaState } from './state.js';

export interface ClockPort {
  /** Monotonic milliseconds; only differences mean anything. */
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

export type LogOutcome =
  | { readonly kind: 'applied'; readonly index: number; readonly result: CommandResult }
  /** Leadership is gone, or the outcome is unknown: stop acting; the next leader's state says what became of it. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** Certainly not in the log, by a fault of the proposal or of the moment (too large, too many waiting). */
  | { readonly kind: 'dropped'; readonly reason: string };

export interface LogPort {
  /**
   * With a `requestId` the command runs once, however often it is proposed: a repetition gets the first answer. What
   * the log does not take for a passing reason is proposed again, for `retryWithinMs` at most.
   */
  propose(command: Command, requestId?: string, retryWithinMs?: number): Promise<LogOutcome>;
  /** ReadIndex: true when a majority confirmed this leader, in this same term, after the call. */
  proveLeadership(): Promise<boolean>;
  /** What is applied here. Current only after proveLeadership. */
  state(): HaState;
  readonly self: ManagerId;
  readonly term: Term;
}

/** Who acts. Stands in the session's connection attributes and lock, so that a deposed leader can be recognised. */
export interface Fence {
  readonly cluster: ClusterName;
  readonly epoch: Epoch;
  readonly operation: OperationId;
  readonly manager: ManagerId;
}

export interface SourceSpec {
  readonly host: string;
  readonly port: number;
  /** Account to replicate with. */
  readonly user: string;
  readonly passwordRef: string;
}

/**
 * One session on one server that holds the server's action lock under a fence. Every method may throw ActionError.
 * After `unknown` the session is dead: open a new one and look. All waits end by `withinMs`.
 */
export interface ActionSession {
  readonly server: ServerName;
  /** Its connection is gone: every further call would be `unreachable`. */
  readonly isLost: boolean;
  look(): Promise<ServerFacts>;
  /** Ordinary client sessions: not ours, not replication, not the server's own threads. */
  countClients(): Promise<number>;
  /**
   * Disconnects them and keeps new ones out (offline_mode) until `setOffline(false)`. Returns how many client sessions
   * there are at the end, newcomers (accounts that offline_mode lets in) counted too.
   */
  disconnectClients(): Promise<number>;
  setOffline(isOffline: boolean): Promise<void>;
  /**
   * Kills the client sessions that are there at the call, without keeping new ones out, and waits a short while until
   * they are gone. Returns how many of these are left. Newcomers are not counted: a pool reconnects at once, so there
   * may be no moment without any. Called with super_read_only on, 0 means that nobody is left who could still be told
   * that a commit succeeded.
   */
  killClients(): Promise<number>;
  /** super_read_only = ON. Waits at most `withinMs` (whole seconds are rounded up) for running commits. */
  closeForWrites(withinMs: number): Promise<void>;
  /**
   * super_read_only off while read_only stays (or goes) on: lets this session write its epoch and nobody else
   * anything.
   */
  openForUs(): Promise<void>;
  /** Writes the fence's epoch into schema hactl, not binlogged. Needs openForUs or a writable server. */
  recordEpoch(): Promise<void>;
  /** read_only = OFF: the moment at which a new primary takes writes. */
  openForWrites(): Promise<void>;
  stopReceiver(): Promise<void>;
  startReceiver(): Promise<void>;
  startApplier(): Promise<void>;
  /** Both threads stopped, configuration forgotten. Throws `rejected` while anything received is not executed. */
  forgetSource(): Promise<void>;
  /**
   * Points the receiver at another source with GTID auto-positioning. Needs the receiver stopped. Keeps the relay log:
   * with the applier running only receiver options change; a server that never replicated gets all of them.
   */
  pointAt(source: SourceSpec): Promise<void>;
  /** rpl_semi_sync_replica_enabled; takes effect when the receiver starts. No-op without the plugin. */
  setAcknowledging(isAcknowledging: boolean): Promise<void>;
  /** rpl_semi_sync_source_enabled. No-op without the plugin. */
  setWaitingForAcks(isWaiting: boolean): Promise<void>;
  /** True when gtid_executed contains `gtids` within the time. */
  waitExecuted(gtids: string, withinMs: number): Promise<boolean>;
  /** Ends the session and with it the lock. Never throws. */
  close(): void;
}

export interface ServersPort {
  /**
   * Opens an action session: connects, takes the cluster's named lock (killing a holder of a lower or unreadable epoch
   * and waiting until the lock is really ours), and refuses (`fenced`) where a higher epoch holds it or stands in
   * schema hactl. Lower-epoch sessions are gone when this resolves.
   */
  open(spec: ClusterSpec, server: ServerSpec, fence: Fence, withinMs: number): Promise<ActionSession>;
  /** One read-only look on a connection of its own, without a lock. */
  look(spec: ClusterSpec, server: ServerSpec, withinMs: number): Promise<ServerFacts>;
}

export interface QuorumPort {
  readonly voters: readonly ManagerId[];
  /**
   * Asks every manager (itself too) to probe all servers of the cluster anew for this nonce. Resolves with what came in
   * when all have answered, when `isEnough` says so (asked after each observation), or when the time is up.
   */
  confirm(
    cluster: ClusterName,
    nonce: string,
    withinMs: number,
    isEnough: (soFar: readonly Observation[]) => boolean,
  ): Promise<readonly Observation[]>;
}

export interface EndpointsPort {
  /**
   * Resolves when no manager can still be naming a primary on the strength of a state older than `index`: each has
   * applied it or its right to answer has run out. Ends by itself (rights last 500 ms).
   */
  quietSince(index: number): Promise<void>;
}

export interface HaEvent {
  /** Past or state words, stable: 'operation-started', 'step-finished', 'verdict-changed', ... */
  readonly kind: string;
  readonly cluster: ClusterName;
  readonly operation: OperationId | null;
  readonly sentence: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface HaPorts {
  readonly clock: ClockPort;
  readonly random: Prng;
  readonly log: LogPort;
  readonly servers: ServersPort;
  readonly quorum: QuorumPort;
  readonly endpoints: EndpointsPort;
  report(event: HaEvent): void;
}
