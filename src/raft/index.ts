export { createRaftNode, type RaftNodeOptions } from './driver.js';
export { LevelLogStore } from './level-log-store.js';
export { MemoryLogStore } from './memory-log-store.js';
export { createMessageTransport, type Carrier } from './message-transport.js';
export { isStaleSerial, SessionedStateMachine, sessionsMax } from './sessions.js';
export type { SessionsData, StaleSerial } from './sessions.js';
export { initStore, openStore, readStoreMeta } from './store-directory.js';
export type { OpenedStore, StoreIdentity, StoreMeta } from './store-directory.js';
export type { EntryPayload, HardState, Message, StoredEntry } from './core/index.js';
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
} from './types.js';
