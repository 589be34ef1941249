/**
 * What a leader believes of one peer: what it surely holds (`match`), what to send next, and what is under way.
 * `probe`: where the logs agree is not known, so one append at a time. `replicate`: appends are sent ahead, within a
 * window of messages and bytes. `snapshot`: what it needs next is compacted away, so it gets a snapshot, in chunks.
 * Invariant: match < next. Plain data and functions.
 */
import type { LogIndex } from '../../base/index.js';
import { assert, logIndex } from '../../base/index.js';
import type { Snapshot } from './snapshot.js';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export interface Inflight {
  readonly lastIndex: LogIndex;
  readonly bytes: number;
}

/** A snapshot under way to a peer. It stays the same one even when a newer one is taken meanwhile. */
export interface Sending {
  readonly snapshot: Snapshot;
  readonly totalCrc: number;
  offset: number;
  /** Ticks since the chunk at `offset` was sent. */
  silentTicks: number;
}

export interface Progress {
  state: ProgressState;
  match: LogIndex;
  next: LogIndex;
  /** In `probe`: an append with entries is under way. Heartbeats probe further, so a lost one is not waited for. */
  isProbeSent: boolean;
  inflights: Inflight[];
  inflightBytes: number;
  /** The highest commit index sent; spares messages that would tell nothing new. */
  sentCommit: LogIndex;
  /** The highest read round this peer answered. */
  ackedRound: number;
  /** Ticks since this peer was last heard. */
  silentTicks: number;
  sending: Sending | null;
  /** Ticks for which it answered and there was more for it, but its match did not grow. */
  stuckTicks: number;
  isStuck: boolean;
  isDiskLow: boolean;
  /** A round of catching up (thesis 4.2.1): it ends when the peer holds what the log held when the round began. */
  roundTarget: LogIndex;
  roundTicks: number;
}

export interface Window {
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

export function createProgress(lastIndex: LogIndex): Progress {
  return {
    state: 'probe',
    match: logIndex(0),
    next: logIndex(lastIndex + 1),
    isProbeSent: false,
    inflights: [],
    inflightBytes: 0,
    sentCommit: logIndex(0),
    ackedRound: 0,
    silentTicks: 0,
    sending: null,
    stuckTicks: 0,
    isStuck: false,
    isDiskLow: false,
    roundTarget: lastIndex,
    roundTicks: 0,
  };
}

/** May an append with entries leave now? */
export function canSend(progress: Progress, window: Window): boolean {
  if (progress.state === 'snapshot') return false;
  if (progress.state === 'probe') return !progress.isProbeSent;
  return (
    progress.inflights.length < window.inflightMessagesMax && progress.inflightBytes < window.inflightBytesMax
  );
}

export function entriesSent(progress: Progress, lastIndex: LogIndex, bytes: number): void {
  if (progress.state === 'probe') {
    progress.isProbeSent = true;
    return;
  }
  progress.inflights.push({ lastIndex, bytes });
  progress.inflightBytes += bytes;
  progress.next = logIndex(lastIndex + 1);
}

/** The peer holds the log up to `matchIndex`. */
export function accepted(progress: Progress, matchIndex: LogIndex, baseIndex: LogIndex): void {
  if (matchIndex > progress.match) {
    progress.match = matchIndex;
    progress.stuckTicks = 0;
    progress.isStuck = false;
  }
  if (progress.state === 'snapshot' && progress.match < baseIndex) {
    // Installed, but the log was compacted beyond it meanwhile: it needs a newer one. Else a heartbeat's answer only
    // tells of less than what is under way.
    const isInstalled = progress.sending !== null && progress.match >= progress.sending.snapshot.index;
    if (isInstalled) becomeProbe(progress, logIndex(progress.match + 1));
    return;
  }
  if (progress.state !== 'replicate') {
    progress.state = 'replicate';
    progress.sending = null;
    progress.isProbeSent = false;
    progress.next = logIndex(progress.match + 1);
    return;
  }
  if (progress.next <= progress.match) progress.next = logIndex(progress.match + 1);
  while (progress.inflights[0] !== undefined && progress.inflights[0].lastIndex <= progress.match) {
    progress.inflightBytes -= progress.inflights[0].bytes;
    progress.inflights.shift();
  }
}

/** The peer refused an append after `rejectedIndex`. False: an old answer that says nothing new. */
export function rejected(progress: Progress, rejectedIndex: LogIndex, agreesAtMost: LogIndex): boolean {
  if (progress.state === 'snapshot') return false;
  if (progress.state === 'replicate') {
    // What was accepted stays accepted within a term: this answers something sent before that.
    if (rejectedIndex <= progress.match) return false;
    becomeProbe(progress, logIndex(progress.match + 1));
    return true;
  }
  if (rejectedIndex !== progress.next - 1) return false;
  const next = Math.max(Math.min(rejectedIndex, agreesAtMost + 1), progress.match + 1);
  assert(next <= progress.next, 'a rejected probe must not move forward');
  becomeProbe(progress, logIndex(next));
  return true;
}

export function becomeProbe(progress: Progress, next: LogIndex): void {
  progress.state = 'probe';
  progress.sending = null;
  progress.next = next;
  progress.isProbeSent = false;
  progress.inflights = [];
  progress.inflightBytes = 0;
}

export function becomeSnapshot(progress: Progress, snapshot: Snapshot, totalCrc: number): void {
  becomeProbe(progress, logIndex(snapshot.index + 1));
  progress.state = 'snapshot';
  progress.sending = { snapshot, totalCrc, offset: 0, silentTicks: 0 };
}
