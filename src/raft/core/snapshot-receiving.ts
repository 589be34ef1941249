/**
 * The follower's side of a snapshot: collects the chunks in memory (bounded), and puts the snapshot in place of the log
 * in one write. It is not refused for a membership without this node: a learner that joins is told of itself by the
 * entries that follow.
 */
import type { LogIndex, ManagerId, Term } from '../../base/index.js';
import { crc32 } from '../../base/index.js';
import type { CoreState } from './core-state.js';
import { acknowledge, leaderHeard } from './following.js';
import type { SnapshotChunk } from './message.js';

export interface IncomingSnapshot {
  readonly index: LogIndex;
  readonly term: Term;
  readonly totalCrc: number;
  readonly data: Uint8Array;
  /** So much of `data` is there. */
  offset: number;
}

/** A chunk of a leader of the current term. */
export function chunkReceived(state: CoreState, from: ManagerId, chunk: SnapshotChunk): void {
  if (!leaderHeard(state, from)) return;
  const { base } = chunk;
  if (base.index <= state.commitIndex || state.log.matches(base.index, base.term)) {
    // Ours holds all of it. That the leader has a snapshot of it proves that it is committed.
    state.moveCommitTo(base.index);
    state.incoming = null;
    acknowledge(state, from, base.index, 0);
    return;
  }
  if (chunk.totalBytes > state.config.snapshotBytesMax) {
    state.note('snapshot-too-large', { index: base.index, bytes: chunk.totalBytes });
    return;
  }
  const incoming = incomingFor(state, chunk);
  if (chunk.offset === incoming.offset && crc32(chunk.bytes) === chunk.crc) {
    incoming.data.set(chunk.bytes, incoming.offset);
    incoming.offset += chunk.bytes.length;
  }
  if (incoming.offset < incoming.data.length) {
    answer(state, from, base.index, incoming.offset);
    return;
  }
  state.incoming = null;
  if (crc32(incoming.data) !== chunk.totalCrc) {
    state.note('snapshot-damaged', { index: base.index, bytes: chunk.totalBytes });
    answer(state, from, base.index, 0);
    return;
  }
  state.note('snapshot-received', { index: base.index, bytes: chunk.totalBytes });
  state.installSnapshot({ ...base, membership: chunk.membership, data: incoming.data });
  answer(state, from, base.index, incoming.offset);
  acknowledge(state, from, base.index, 0);
}

function incomingFor(state: CoreState, { base, totalBytes, totalCrc }: SnapshotChunk): IncomingSnapshot {
  const known = state.incoming;
  const isSame = known?.index === base.index && known.term === base.term && known.totalCrc === totalCrc;
  if (known !== null && isSame && known.data.length === totalBytes) return known;
  const data = new Uint8Array(totalBytes);
  state.incoming = { index: base.index, term: base.term, totalCrc, data, offset: 0 };
  return state.incoming;
}

function answer(state: CoreState, to: ManagerId, index: LogIndex, nextOffset: number): void {
  const { term } = state;
  state.send(to, { kind: 'snapshot-answer', term, index, nextOffset }, state.durability.afterVote());
}

/** The installed snapshot is on the disk: from here on the state machine may stand on it. */
export function installedPersisted(state: CoreState): void {
  if (state.installing === null) return;
  const { snapshot } = state.installing;
  state.installing = null;
  state.handedOutIndex = snapshot.index;
  state.emit({ kind: 'restore', snapshot });
}
