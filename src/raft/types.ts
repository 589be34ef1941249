/**
 * What the rest of hactl sees of Raft: propose a command, prove leadership, watch. And what Raft needs of the rest:
 * a store, a transport, a state machine. The simulator implements the same three.
 */
import type { LogIndex, ManagerId, Term } from '../base/index.js';
import type { HardState, Message, StoredEntry } from './core/index.js';

/**
 * Who asks, so that a retried request runs once (Raft thesis 6.3). Serials of one session grow by one; a
 * repeated serial gets the first answer again.
 */
export interface ProposalSession {
  readonly id: string;
  readonly serial: number;
}

export type ProposeOutcome =
  /** Committed and applied here; `result` is what the state machine answered. */
  | { readonly kind: 'applied'; readonly index: LogIndex; readonly term: Term; readonly result: unknown }
  /** Not in the log. */
  | { readonly kind: 'not-leader'; readonly leader: ManagerId | null }
  /** Not in the log: too much is waiting, the command is too large, or the manager is stopping. */
  | { readonly kind: 'dropped'; readonly reason: string }
  /** In the log of this manager, which lost its leadership or ran out of time: it may still commit. */
  | { readonly kind: 'unknown'; readonly reason: string };

export type ProofOutcome =
  /** A majority confirmed this leader after the call, and everything committed before it is applied here. */
  | { readonly kind: 'leader'; readonly term: Term; readonly index: LogIndex }
  | { readonly kind: 'not-leader'; readonly leader: ManagerId | null }
  | { readonly kind: 'timed-out' };

export interface RaftStatus {
  readonly id: ManagerId;
  readonly role: 'leader' | 'follower' | 'candidate' | 'pre-candidate';
  readonly term: Term;
  readonly leader: ManagerId | null;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly voters: readonly ManagerId[];
}

export interface RaftNode {
  /** Restores the store and starts ticking. Throws HactlError (`store-missing`, `store-faulted`). */
  start(): Promise<void>;
  /** Stops ticking and closes the store; waiting proposals end as `unknown`. */
  stop(): Promise<void>;
  propose(command: Uint8Array, session: ProposalSession, withinMs: number): Promise<ProposeOutcome>;
  /** ReadIndex. Before every decision that touches a MySQL server. */
  proveLeadership(withinMs: number): Promise<ProofOutcome>;
  status(): RaftStatus;
  /** Called after every change of role, term or known leader. Returns the unsubscribe function. */
  onRoleChange(listener: (status: RaftStatus) => void): () => void;
  /** Called after entries were applied. */
  onApplied(listener: (appliedIndex: LogIndex) => void): () => void;
  /** Settles (with the reason) when Raft had to stop for good: storage failed, an invariant broke. Exit the process. */
  readonly halted: Promise<string>;
}

export interface AppliedEntry {
  readonly index: LogIndex;
  readonly term: Term;
  /** Cluster time: stamped by the leader that made the entry, never goes back. Milliseconds since the epoch of Unix. */
  readonly timeMs: number;
  readonly command: Uint8Array;
}

/** Replicated state. `apply` is synchronous and deterministic; its answer goes to the proposer and is plain data. */
export interface StateMachine {
  apply(entry: AppliedEntry): unknown;
}

export interface RestoredStore {
  readonly hardState: HardState;
  readonly entries: readonly StoredEntry[];
}

/** One atomic, synced write. When its promise resolves, all of it survives SIGKILL and power loss. */
export interface StoreWrite {
  readonly hardState: HardState | null;
  /** Delete this index and all after it, before `entries` are added. */
  readonly truncateFrom: LogIndex | null;
  readonly entries: readonly StoredEntry[];
}

export interface LogStore {
  open(): Promise<RestoredStore>;
  write(batch: StoreWrite): Promise<void>;
  close(): Promise<void>;
}

/** Sends without promise of delivery or order across connections; drops when a peer's queue is full. */
export interface RaftTransport {
  send(to: ManagerId, message: Message): void;
  onMessage(listener: (from: ManagerId, message: Message) => void): void;
}
