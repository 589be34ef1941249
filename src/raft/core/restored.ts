/**
 * What a core starts from, and whether it can be believed. A store that breaks these rules has lost or mixed something
 * that was acknowledged: it is reported, never repaired here.
 */
import type { HardState, StoredEntry } from './entry.js';

export interface RestoredState {
  readonly hardState: HardState;
  readonly entries: readonly StoredEntry[];
}

/** A sentence about what is wrong, or null. Whoever opens a store asks before making a core, which asserts it. */
export function restoredFault(restored: RestoredState): string | null {
  const { hardState, entries } = restored;
  let lastTerm = 0;
  let lastTimeMs = 0;
  for (const [position, entry] of entries.entries()) {
    if (entry.index !== position + 1) return `entry ${entry.index} stands where ${position + 1} belongs`;
    if (entry.term < lastTerm) return `entry ${entry.index} has term ${entry.term}, after an entry of term ${lastTerm}`;
    if (entry.timeMs < lastTimeMs) return `the time of entry ${entry.index} is before that of the entry before`;
    lastTerm = entry.term;
    lastTimeMs = entry.timeMs;
  }
  if (lastTerm > hardState.term) return `the log has term ${lastTerm}, but the stored term is ${hardState.term}`;
  if (hardState.commitIndex > entries.length) {
    return `entries up to ${hardState.commitIndex} were committed, but the log ends at ${entries.length}`;
  }
  return null;
}
