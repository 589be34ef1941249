/**
 * What managers say to each other about consensus. Plain data without `undefined`, so that msgpackr carries it as it
 * is. What comes from the wire passes `decodeMessage` (decode-message.ts) before it gets here.
 */
import type { LogIndex, Term } from '../../base/index.js';
import type { StoredEntry } from './entry.js';
import type { Membership } from './membership.js';
import type { LogBase } from './snapshot.js';

/** "Would you vote for me?" Asked before a term is spent, so that a cut-off node cannot inflate terms (thesis 9.6). */
export interface PreVoteRequest {
  readonly kind: 'pre-vote-request';
  /** The term the sender would campaign in: its own plus one. Nobody takes it over. */
  readonly term: Term;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
}

export interface PreVoteResponse {
  readonly kind: 'pre-vote-response';
  /** A grant echoes the request's term; a rejection carries the voter's own. */
  readonly term: Term;
  readonly granted: boolean;
}

export interface VoteRequest {
  readonly kind: 'vote-request';
  readonly term: Term;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** The leader of the term before told this candidate to take over: stickiness does not hold against it. */
  readonly isTransfer: boolean;
}

export interface VoteResponse {
  readonly kind: 'vote-response';
  readonly term: Term;
  readonly granted: boolean;
}

/** Replication, probe and heartbeat in one: a heartbeat is an append without entries. */
export interface AppendRequest {
  readonly kind: 'append-request';
  readonly term: Term;
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  /**
   * min(what the leader knows the receiver to hold durably, the leader's commit index). So the receiver may take it
   * over whether or not `prevIndex` matches, and a receiver whose log is shorter than this has lost acknowledged
   * entries.
   */
  readonly commitIndex: LogIndex;
  /** Echoed in the answer: proves that the receiver still followed this leader after the round began (ReadIndex). */
  readonly readRound: number;
  /** Contiguous from prevIndex + 1. */
  readonly entries: readonly StoredEntry[];
}

export type AppendResponse =
  | {
      readonly kind: 'append-response';
      readonly accepted: true;
      readonly term: Term;
      /** The sender holds the leader's log up to here, durably. */
      readonly matchIndex: LogIndex;
      readonly readRound: number;
      /** Below its low-water mark: the leader counts such disks before it accepts more. */
      readonly isDiskLow: boolean;
    }
  | {
      readonly kind: 'append-response';
      readonly accepted: false;
      readonly term: Term;
      /** The request's prevIndex: tells the leader which of its probes this answers. */
      readonly rejectedIndex: LogIndex;
      /** The sender's largest index at or below prevIndex whose term is at most prevTerm: one probe per term. */
      readonly hintIndex: LogIndex;
      readonly hintTerm: Term;
      readonly readRound: number;
      readonly isDiskLow: boolean;
    };

/** A part of a snapshot. One is under way at a time: its answer asks for the next, a heartbeat's time repeats it. */
export interface SnapshotChunk {
  readonly kind: 'snapshot-chunk';
  readonly term: Term;
  readonly base: LogBase;
  readonly membership: Membership;
  readonly totalBytes: number;
  /** CRC-32 of all the data. */
  readonly totalCrc: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** CRC-32 of `bytes`. */
  readonly crc: number;
}

export interface SnapshotAnswer {
  readonly kind: 'snapshot-answer';
  readonly term: Term;
  /** Of the snapshot. */
  readonly index: LogIndex;
  /** What the receiver has, from the start: it waits for the chunk at this offset. All of it: it is being stored. */
  readonly nextOffset: number;
}

/** "Campaign now": the sender has stepped down in your favour. */
export interface TimeoutNow {
  readonly kind: 'timeout-now';
  readonly term: Term;
}

export type Message =
  | PreVoteRequest
  | PreVoteResponse
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | SnapshotChunk
  | SnapshotAnswer
  | TimeoutNow;
