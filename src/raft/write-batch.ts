/**
 * Writes that the core asked for while another write was under way, folded into one: this is the group commit. Folding
 * keeps the outcome of carrying them out in order; it never drops an entry that a later write did not truncate.
 */
import type { StoreWrite } from './types.js';
import type { WriteOutput, WriteSeq } from './core/index.js';

export interface WriteBatch extends StoreWrite {
  /** Everything up to this write is in the batch or on the disk. */
  readonly seq: WriteSeq;
  /** False while only the commit index moved: that may wait for company. */
  readonly sync: boolean;
}

export function foldWrite(batch: WriteBatch | null, write: WriteOutput): WriteBatch {
  const { seq, hardState, snapshot, replacesLog, compactTo, truncateFrom, entries, sync } = write;
  if (batch === null) return { seq, hardState, snapshot, replacesLog, compactTo, truncateFrom, entries, sync };
  const later = { seq, hardState: hardState ?? batch.hardState, sync: sync || batch.sync };
  // A leader's snapshot takes the place of everything before it, also of what has not reached the disk.
  if (replacesLog) return { ...later, snapshot, replacesLog, compactTo, truncateFrom, entries };
  const firstIndex = batch.entries[0]?.index;
  const kept = truncateFrom === null ? batch.entries : batch.entries.filter((entry) => entry.index < truncateFrom);
  // A truncation inside the batch's own entries never reaches the disk; one below them does.
  const reachesDisk = truncateFrom !== null && (firstIndex === undefined || truncateFrom <= firstIndex);
  const lower = batch.truncateFrom === null || (truncateFrom !== null && truncateFrom < batch.truncateFrom);
  return {
    ...later,
    snapshot: snapshot ?? batch.snapshot,
    replacesLog: batch.replacesLog,
    // What is compacted was durable before, so it is never among the batch's own entries.
    compactTo: compactTo ?? batch.compactTo,
    truncateFrom: reachesDisk && lower ? truncateFrom : batch.truncateFrom,
    entries: [...kept, ...entries],
  };
}
