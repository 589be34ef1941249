/** What a core shows of itself: for status, tests and invariant checks. A copy; changing nothing in the core. */
import type { LogIndex, ManagerId, Term } from '../../base/index.js';
import type { ProgressState } from './progress.js';
import type { Role } from './output.js';

export interface PeerView {
  readonly id: ManagerId;
  /** The peer holds the leader's log up to here, durably. */
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly state: ProgressState;
  readonly recentlyActive: boolean;
}

export interface RaftView {
  readonly id: ManagerId;
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: ManagerId | null;
  readonly leader: ManagerId | null;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly voters: readonly ManagerId[];
  /** Empty unless this node leads. */
  readonly peers: readonly PeerView[];
  readonly halted: boolean;
}
