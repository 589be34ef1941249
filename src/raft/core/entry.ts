/**
 * What stands in the log and beside it: entries and the hard state. Plain data; it goes through msgpackr to the disk
 * and to peers, so no class and no `undefined` may get in. An entry never changes once it is made.
 */
import type { LogIndex, ManagerId, Term } from '../../base/index.js';
import type { Membership } from './membership.js';

/** What a node must never forget: forgetting `term` or `votedFor` can elect two leaders in one term. */
export interface HardState {
  readonly term: Term;
  readonly votedFor: ManagerId | null;
  /** A hint that spares a restarted node the wait for a leader; may be behind, never ahead of the stored log. */
  readonly commitIndex: LogIndex;
}

export type EntryPayload =
  /** Opens a term: its commit is what commits the entries of earlier terms (Raft paper 5.4.2). */
  | { readonly kind: 'no-op' }
  /** Who the managers are from here on. */
  | { readonly kind: 'membership'; readonly membership: Membership }
  | {
      readonly kind: 'command';
      /** Who asked; the state machine's wrapper uses it to run a retried command once. The core only carries it. */
      readonly session: { readonly id: string; readonly serial: number };
      readonly command: Uint8Array;
    };

export interface StoredEntry {
  readonly index: LogIndex;
  readonly term: Term;
  /** Cluster time, stamped by the leader at append; never less than the entry before. Unix milliseconds. */
  readonly timeMs: number;
  readonly payload: EntryPayload;
}

/** Longer than any session id that is made here. Peers refuse longer ones, so nobody may propose them. */
export const sessionIdCharsMax = 256;

/** What one entry costs besides its command, when limits are counted: a rough figure for numbers and framing. */
const entryOverheadBytes = 48;

/** The size that limits are counted in. */
export function entryBytes(entry: StoredEntry): number {
  return entryOverheadBytes + payloadBytes(entry.payload);
}

/** Only commands count: a leader must be able to open its term however full its quota of uncommitted bytes is. */
export function payloadBytes(payload: EntryPayload): number {
  return payload.kind === 'command' ? payload.session.id.length + payload.command.length : 0;
}
