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
  VoteRequest,
  VoteResponse,
} from './message.js';
export type { Input } from './input.js';
export type { DropReason, LogFact, Output, Role, WriteOutput, WriteSeq } from './output.js';
export { RaftCore } from './raft-core.js';
export { restoredFault } from './restored.js';
export type { RestoredState } from './restored.js';
export type { PeerView, RaftView } from './view.js';
export { decodeMessage } from './decode-message.js';
