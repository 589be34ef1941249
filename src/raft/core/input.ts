/**
 * Everything that can happen to a core. The driver (or a simulator) feeds these one at a time. After a long pause
 * it must feed the messages that queued up before the ticks it missed: otherwise a node that merely slept calls an
 * election against a leader whose heartbeats lie unread.
 */
import type { LogIndex, ManagerId } from '../../base/index.js';
import type { EntryPayload } from './entry.js';
import type { MembershipChange } from './membership.js';
import type { Message } from './message.js';
import type { WriteSeq } from './output.js';

export type Input =
  /** One tick of a monotonic clock. `nowMs` is wall-clock time, used only to stamp entries. */
  | { readonly kind: 'tick'; readonly nowMs: number }
  /**
   * A decoded message. `from` is what the hello of its connection claimed. Until there is TLS nothing proves it: who
   * can reach the port can speak, and vote, as any manager. The transport catches mistakes (another cluster, another
   * receiver, two managers with one id), not malice.
   */
  | { readonly kind: 'receive'; readonly from: ManagerId; readonly message: Message }
  | {
      readonly kind: 'propose';
      readonly proposalId: number;
      readonly payload: EntryPayload;
      readonly nowMs: number;
      /** Accepted even when the disks of a majority are almost full: it finishes what has begun. */
      readonly isUrgent: boolean;
    }
  /** Answered as a proposal is. */
  | {
      readonly kind: 'change-membership';
      readonly proposalId: number;
      readonly change: MembershipChange;
      readonly nowMs: number;
    }
  /** Hand the leadership to this voter; null: to the one that is best prepared. Answered by `transfer-ended`. */
  | { readonly kind: 'transfer-leadership'; readonly target: ManagerId | null }
  /** What `take-snapshot` asked for: the state after exactly the entries up to `index`. */
  | { readonly kind: 'snapshot-taken'; readonly index: LogIndex; readonly data: Uint8Array }
  /** The disk of this node is below or above its low-water mark. */
  | { readonly kind: 'disk-space'; readonly isLow: boolean }
  | { readonly kind: 'read-request'; readonly readId: number }
  /** This write and every write before it is on the disk and synced. */
  | { readonly kind: 'persisted'; readonly seq: WriteSeq }
  /** The state machine has applied this entry and all before it. */
  | { readonly kind: 'applied'; readonly index: LogIndex }
  /** A write or fsync failed. Final: a retried fsync may report success for lost pages (Rebello et al., ATC 2020). */
  | { readonly kind: 'storage-failed'; readonly reason: string };
