/** The replicated state at one index, in place of the entries up to there. */
import type { LogIndex, Term } from '../../base/index.js';
import { logIndex, term } from '../../base/index.js';
import type { Membership } from './membership.js';

/** Where a log begins: its first entry has the next index. All zero: nothing was ever compacted. */
export interface LogBase {
  readonly index: LogIndex;
  readonly term: Term;
  /** Cluster time of the entry there. */
  readonly timeMs: number;
}

export interface Snapshot extends LogBase {
  /** As of `index`. */
  readonly membership: Membership;
  /** The state machine with its sessions, as the state machine encoded it. */
  readonly data: Uint8Array;
}

export const emptyBase: LogBase = { index: logIndex(0), term: term(0), timeMs: 0 };
