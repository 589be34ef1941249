export { raftCoreDefaults, readsWaitingMax } from './config.js';
export type { RaftCoreConfig } from './config.js';
export type { EntryPayload, HardState, StoredEntry } from './entry.js';
export { entryBytes, payloadBytes, sessionIdCharsMax } from './entry.js';
export type {
  AppendRequest,
  AppendResponse,
  Message,
  PreVoteRequest,
  PreVoteResponse,
  SnapshotAnswer,
  SnapshotChunk,
  TimeoutNow,
  VoteRequest,
  VoteResponse,
} from './message.js';
export type { Input } from './input.js';
export type { DropReason, LogFact, Output, Role, WriteOutput, WriteSeq } from './output.js';
export {
  bootstrapMembership,
  changeMembership,
  isMember,
  isVoter,
  memberOf,
  membersMax,
  noMembers,
  unknownMember,
} from './membership.js';
export type { ChangeOutcome, Learner, Member, Membership, MembershipChange } from './membership.js';
export { emptyBase } from './snapshot.js';
export type { LogBase, Snapshot } from './snapshot.js';
export { RaftCore } from './raft-core.js';
export { restoredFault } from './restored.js';
export type { RestoredState } from './restored.js';
export type { PeerView, RaftView } from './view.js';
export { decodeMembership } from './decode-membership.js';
export { decodeMessage } from './decode-message.js';
