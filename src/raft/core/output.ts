/**
 * Everything a core can ask for. Outputs of one step come in this order of meaning: at most one `write` per step, and
 * before any `send` that waits for it. "Persist before you speak" is `send.after`: whoever carries outputs out may be
 * slow, may merge writes (in order), may lose sends, but must never release a send before the write it names is synced.
 */
import type { LogIndex, ManagerId, Term } from '../../base/index.js';
import type { HardState, StoredEntry } from './entry.js';
import type { Membership } from './membership.js';
import type { Message } from './message.js';
import type { Snapshot } from './snapshot.js';

/** Grows by one per write within the life of one core; never reused, so a late notice cannot mean another write. */
export type WriteSeq = number;

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/**
 * `disk-low`: the disks of a majority are almost full. `handing-over`: this leader is about to leave.
 * `not-ready`: another change is under way, or this leader has not committed an entry of its term yet: ask again.
 * `refused`: this change can never be made, see `detail`.
 */
export type DropReason =
  | 'not-leader' | 'too-much-uncommitted' | 'too-large' | 'disk-low' | 'handing-over' | 'not-ready' | 'refused';

export type LogFact = string | number | boolean | null;

export interface WriteOutput {
  readonly kind: 'write';
  readonly seq: WriteSeq;
  readonly hardState: HardState | null;
  /** Delete this index and all after it, before `entries` are added. In one atomic batch with them. */
  readonly truncateFrom: LogIndex | null;
  /** Replaces the stored one, in the same batch. */
  readonly snapshot: Snapshot | null;
  /** The snapshot came from a leader: every stored entry goes, and the log begins anew after the snapshot. */
  readonly replacesLog: boolean;
  /** Entries up to here go; never beyond the stored snapshot. */
  readonly compactTo: LogIndex | null;
  readonly entries: readonly StoredEntry[];
  /** False: only the commit index moved. No send ever waits for it; it may be delayed until the next synced write. */
  readonly sync: boolean;
}

export type Output =
  | WriteOutput
  | {
      readonly kind: 'send';
      readonly to: ManagerId;
      readonly message: Message;
      /** Release only once this write is synced; null: at once. */
      readonly after: WriteSeq | null;
    }
  /** Committed and locally durable entries, each exactly once per life of the core, in order, no-ops included. */
  | { readonly kind: 'apply'; readonly entries: readonly StoredEntry[] }
  /** Give the state machine's state, as of all that was applied, by `snapshot-taken`. At most one at a time. */
  | { readonly kind: 'take-snapshot' }
  /** The state machine's state is to be this one from now on; stands for all entries up to its index. */
  | { readonly kind: 'restore'; readonly snapshot: Snapshot }
  /** The membership in force changed, or the one in force was committed. */
  | {
      readonly kind: 'membership-changed';
      readonly membership: Membership;
      readonly index: LogIndex;
      readonly isCommitted: boolean;
    }
  /** `handed-over`: this node leads no more, and the target was told to campaign. Nothing says that it won. */
  | {
      readonly kind: 'transfer-ended';
      readonly target: ManagerId | null;
      readonly outcome: 'handed-over' | 'refused';
      readonly reason: string;
    }
  /**
   * A majority confirmed this leader after the request, and everything up to `index` (all that was committed when the
   * round began) is applied here.
   */
  | { readonly kind: 'read-ready'; readonly readId: number; readonly index: LogIndex }
  /** Not the leader, no longer the leader, or too many reads wait. */
  | { readonly kind: 'read-failed'; readonly readId: number }
  /** In the leader's log at (index, term), not yet committed. Another entry there later means that it was lost. */
  | {
      readonly kind: 'proposal-accepted';
      readonly proposalId: number;
      readonly index: LogIndex;
      readonly term: Term;
    }
  /** Not in the log, and never will be. */
  | {
      readonly kind: 'proposal-dropped';
      readonly proposalId: number;
      readonly reason: DropReason;
      /** A sentence where the reason alone says too little. */
      readonly detail: string | null;
      readonly leader: ManagerId | null;
    }
  /** Once per step in which role, term or known leader changed, with what they are at its end. */
  | {
      readonly kind: 'role-changed';
      readonly role: Role;
      readonly term: Term;
      readonly leader: ManagerId | null;
    }
  /** The last output of this core. Nothing may be sent or written any more; the process must end. */
  | { readonly kind: 'halt'; readonly reason: string }
  | { readonly kind: 'log'; readonly event: string; readonly facts: Readonly<Record<string, LogFact>> };
