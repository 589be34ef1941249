/**
 * The leader's side of a snapshot: one chunk under way at a time, so it never fills a queue before heartbeats and
 * appends; the answer asks for the next one, and a lost one is sent again after a while. Each chunk says everything
 * about the snapshot it belongs to, so that a receiver can start in the middle of nothing.
 */
import type { ManagerId } from '../../base/index.js';
import { assert, crc32 } from '../../base/index.js';
import type { CoreState } from './core-state.js';
import type { SnapshotAnswer } from './message.js';
import type { Progress } from './progress.js';
import { becomeSnapshot } from './progress.js';
import { isRecentlyActive } from './replication.js';

/** What the peer needs next is compacted away. To one that is not heard nothing is sent: it would sit in a queue. */
export function beginSending(state: CoreState, peer: ManagerId, progress: Progress): void {
  const { snapshot } = state;
  assert(snapshot !== null, 'a log is compacted only after a snapshot');
  if (!isRecentlyActive(state, progress)) return;
  becomeSnapshot(progress, snapshot, crc32(snapshot.data));
  state.note('snapshot-sending', { peer, index: snapshot.index, bytes: snapshot.data.length });
  sendChunk(state, peer, progress);
}

/** A chunk or its answer may be lost. Only to a peer that is heard, or it would be sent for ever to nobody. */
export function tickSending(state: CoreState, peer: ManagerId, progress: Progress): void {
  if (progress.sending === null) return;
  progress.sending.silentTicks += 1;
  const isDue = progress.sending.silentTicks >= state.config.electionTimeoutTicks / 2;
  if (isDue && isRecentlyActive(state, progress)) sendChunk(state, peer, progress);
}

export function chunkAnswered(state: CoreState, from: ManagerId, answer: SnapshotAnswer): void {
  const progress = state.peers.get(from);
  if (state.role !== 'leader' || progress === undefined) return;
  progress.silentTicks = 0;
  const { sending } = progress;
  if (sending === null || sending.snapshot.index !== answer.index) return;
  // A late answer to an earlier chunk; 0 is a receiver that began anew.
  if (answer.nextOffset <= sending.offset && answer.nextOffset !== 0) return;
  const totalBytes = sending.snapshot.data.length;
  if (answer.nextOffset > totalBytes || answer.nextOffset === sending.offset) return;
  sending.offset = answer.nextOffset;
  sending.silentTicks = 0;
  // All of it is there: the acknowledgement comes when it is on the peer's disk.
  if (sending.offset < totalBytes) sendChunk(state, from, progress);
}

/** When all was sent, the last chunk is said again: a peer that has lost everything meanwhile asks for the first. */
function sendChunk(state: CoreState, peer: ManagerId, progress: Progress): void {
  const { sending } = progress;
  if (sending === null) return;
  sending.silentTicks = 0;
  const { snapshot, totalCrc } = sending;
  const { index, term, timeMs, membership, data } = snapshot;
  const chunkBytes = state.config.snapshotChunkBytes;
  const isComplete = sending.offset === data.length;
  const offset = isComplete ? Math.max(0, data.length - chunkBytes) : sending.offset;
  const bytes = data.subarray(offset, offset + chunkBytes);
  state.send(
    peer,
    {
      kind: 'snapshot-chunk',
      term: state.term,
      base: { index, term, timeMs },
      membership,
      totalBytes: data.length,
      totalCrc,
      offset,
      bytes,
      crc: crc32(bytes),
    },
    null,
  );
}
