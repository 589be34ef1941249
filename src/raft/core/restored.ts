/**
 * What a core starts from, and whether it can be believed. A store that breaks these rules has lost or mixed something
 * that was acknowledged: it is reported, never repaired here.
 */
import type { HardState, StoredEntry } from './entry.js';
import type { LogBase, Snapshot } from './snapshot.js';

export interface RestoredState {
  readonly hardState: HardState;
  readonly snapshot: Snapshot | null;
  /** Where the entries begin: at or before the snapshot. */
  readonly base: LogBase;
  readonly entries: readonly StoredEntry[];
}

/** A sentence about what is wrong, or null. Whoever opens a store asks before making a core, which asserts it. */
export function restoredFault(restored: RestoredState): string | null {
  const { hardState, entries, base, snapshot } = restored;
  const lastIndex = base.index + entries.length;
  const snapshotIndex = snapshot?.index ?? 0;
  if (base.index > snapshotIndex) {
    return `the log begins after entry ${base.index}, but the snapshot ends at ${snapshotIndex}`;
  }
  if (snapshotIndex > lastIndex) return `the snapshot ends at ${snapshotIndex}, but the log at ${lastIndex}`;
  let lastTerm: number = base.term;
  let lastTimeMs = base.timeMs;
  for (const [position, entry] of entries.entries()) {
    const expected = base.index + position + 1;
    if (entry.index !== expected) return `entry ${entry.index} stands where ${expected} belongs`;
    if (entry.term < lastTerm) return `entry ${entry.index} has term ${entry.term}, after an entry of term ${lastTerm}`;
    if (entry.timeMs < lastTimeMs) return `the time of entry ${entry.index} is before that of the entry before`;
    lastTerm = entry.term;
    lastTimeMs = entry.timeMs;
  }
  if (lastTerm > hardState.term) return `the log has term ${lastTerm}, but the stored term is ${hardState.term}`;
  if (hardState.commitIndex > lastIndex) {
    return `entries up to ${hardState.commitIndex} were committed, but the log ends at ${lastIndex}`;
  }
  return null;
}
