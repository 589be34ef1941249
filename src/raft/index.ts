export { createRaftNode, type RaftNodeOptions } from './driver.js';
export { LevelLogStore } from './level-log-store.js';
export { emptyStore, MemoryLogStore } from './memory-log-store.js';
export { carryOutWrite } from './stored-log.js';
export { createMessageTransport, type Carrier } from './message-transport.js';
export { isStaleSerial, SessionedStateMachine, sessionsMax } from './sessions.js';
export type { SessionsData, StaleSerial } from './sessions.js';
export { inspectStore, type StoreInspection, type StoreVerdict } from './inspect-store.js';
export { newestMembership, recoverStore } from './recover-store.js';
export type { HeldLog, RecoveryOutcome, RecoveryPlan } from './recover-store.js';
export { decodeMachineData, type MachineData } from './sessions.js';
export { initStore, openStore, readStoreMeta, wireClusterId } from './store-directory.js';
export type { ExpectedOwner, OpenedStore, StoreIdentity, StoreMeta } from './store-directory.js';
export {
  bootstrapMembership, changeMembership, isMember, isVoter, memberOf, membersMax, noMembers, unknownMember,
} from './core/index.js';
export type {
  EntryPayload, HardState, Learner, LogBase, Member, Membership, MembershipChange, Message, PeerView, Snapshot,
  StoredEntry,
} from './core/index.js';
export { nodeTimers, type Timers } from './timers.js';
export type {
  AppliedEntry,
  LogStore,
  ProofOutcome,
  ProposalSession,
  ProposeOutcome,
  RaftNode,
  RaftStatus,
  RaftTransport,
  RestoredStore,
  StateMachine,
  StoreWrite,
  TransferOutcome,
} from './types.js';
