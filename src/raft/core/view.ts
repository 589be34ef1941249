/** What a core shows of itself: for status, tests and invariant checks. A copy; changing nothing in the core. */
import type { LogIndex, ManagerId, Term } from '../../base/index.js';
import type { Membership } from './membership.js';
import type { ProgressState } from './progress.js';
import type { Role } from './output.js';

export interface PeerView {
  readonly id: ManagerId;
  /** The peer holds the leader's log up to here, durably. */
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly state: ProgressState;
  readonly recentlyActive: boolean;
  readonly isVoter: boolean;
  /** Answers, but its log has not grown for a while although there is more to send. */
  readonly isStuck: boolean;
  readonly isDiskLow: boolean;
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
  /** In force: the newest in the log, committed or not. */
  readonly membership: Membership;
  readonly isMembershipCommitted: boolean;
  /** The newest that is known to be committed; right after a start it may be one change behind. */
  readonly committedMembership: Membership;
  readonly voters: readonly ManagerId[];
  /** The index of the entry before the first one in the log. */
  readonly baseIndex: LogIndex;
  /** 0: none. */
  readonly snapshotIndex: LogIndex;
  /** Empty unless this node leads. */
  readonly peers: readonly PeerView[];
  readonly halted: boolean;
}
