/**
 * What the rest of hactl sees of Raft: propose a command, prove leadership, watch. And what Raft needs of the rest:
 * a store, a transport, a state machine. The simulator implements the same three.
 */
import type { LogIndex, ManagerId, Term } from '../base/index.js';
import type {
  HardState,
  LogBase,
  Membership,
  MembershipChange,
  Message,
  PeerView,
  Snapshot,
  StoredEntry,
} from './core/index.js';

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
  /**
   * Not in the log: too much is waiting, the command is too large, or the manager is stopping. `isPassing`: a moment
   * later it may be taken, by this same leader (the leadership was about to be handed over, say).
   */
  | { readonly kind: 'dropped'; readonly reason: string; readonly isPassing: boolean }
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
  /** In force: the newest in the log, committed or not. */
  readonly membership: Membership;
  readonly isMembershipCommitted: boolean;
  /** The newest that is known to be committed. */
  readonly committedMembership: Membership;
  /** 0: none yet. */
  readonly snapshotIndex: LogIndex;
  /** Empty unless this node leads. */
  readonly peers: readonly PeerView[];
  /** Below the low-water mark of its disk: only what finishes an operation is still accepted. */
  readonly isDiskLow: boolean;
}

export type TransferOutcome =
  /** This node leads no more and `leader` does. */
  | { readonly kind: 'transferred'; readonly leader: ManagerId }
  | { readonly kind: 'refused'; readonly reason: string }
  /** This node leads no more, or not for long; who leads now is not known yet. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface RaftNode {
  /** Restores the store and starts ticking. Throws HactlError (`store-missing`, `store-faulted`). */
  start(): Promise<void>;
  /** Stops ticking and closes the store; waiting proposals end as `unknown`. */
  stop(): Promise<void>;
  /** `isUrgent`: finishes what has begun; accepted even when disks are almost full. */
  propose(
    command: Uint8Array,
    session: ProposalSession,
    withinMs: number,
    isUrgent?: boolean,
  ): Promise<ProposeOutcome>;
  /** `applied`: committed; its result is null. Never retried by itself: ask again with what is in force then. */
  changeMembership(change: MembershipChange, withinMs: number): Promise<ProposeOutcome>;
  /** Null: to the voter that is best prepared. */
  transferLeadership(target: ManagerId | null, withinMs: number): Promise<TransferOutcome>;
  /** ReadIndex. Before every decision that touches a MySQL server. */
  proveLeadership(withinMs: number): Promise<ProofOutcome>;
  /** Below the low-water mark of the disk the log grows no further than it must. */
  setDiskLow(isLow: boolean): void;
  status(): RaftStatus;
  /** Called after every change of role, term or known leader. Returns the unsubscribe function. */
  onRoleChange(listener: (status: RaftStatus) => void): () => void;
  /** Called when the membership in force changed or was committed, and once after the start. */
  onMembership(listener: (membership: Membership, isCommitted: boolean) => void): () => void;
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
  /** All of it, as plain data that msgpackr carries. */
  snapshot(): unknown;
  /** Becomes what `snapshot` gave, on this or another manager. Throws when it cannot: the process must end. */
  restore(data: unknown): void;
}

export interface RestoredStore {
  readonly hardState: HardState;
  readonly snapshot: Snapshot | null;
  /** The entry before the first one: at or before the snapshot. */
  readonly base: LogBase;
  readonly entries: readonly StoredEntry[];
}

/**
 * One atomic, synced write. When its promise resolves, all of it survives SIGKILL and power loss. Carried out in the
 * order of its fields.
 */
export interface StoreWrite {
  readonly hardState: HardState | null;
  /** Replaces the stored one. */
  readonly snapshot: Snapshot | null;
  /** With a snapshot that came from a leader: every entry goes, and the log begins anew right after the snapshot. */
  readonly replacesLog: boolean;
  /** Delete the entries up to here. Never beyond the stored snapshot, and the log holds the entry. */
  readonly compactTo: LogIndex | null;
  /** Delete this index and all after it, before `entries` are added. */
  readonly truncateFrom: LogIndex | null;
  readonly entries: readonly StoredEntry[];
}

export interface LogStore {
  /**
   * Grows with every write, and never goes back unless files do: a peer that has heard a higher one knows that this
   * store was set back (restored from a backup, say). Of the last completed write.
   */
  readonly generation: number;
  open(): Promise<RestoredStore>;
  write(batch: StoreWrite): Promise<void>;
  close(): Promise<void>;
}

/** Sends without promise of delivery or order across connections; drops when a peer's queue is full. */
export interface RaftTransport {
  send(to: ManagerId, message: Message): void;
  onMessage(listener: (from: ManagerId, message: Message) => void): void;
}
