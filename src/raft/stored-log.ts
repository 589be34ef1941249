/** What a write does to what is stored, as a function: for every store that keeps it as data. */
import { assert } from '../base/index.js';
import type { LogBase } from './core/index.js';
import type { RestoredStore, StoreWrite } from './types.js';

/** In the order of the fields of `StoreWrite`. */
export function carryOutWrite(stored: RestoredStore, write: StoreWrite): RestoredStore {
  const { hardState, snapshot, replacesLog, compactTo, truncateFrom, entries } = write;
  let { base } = stored;
  let kept = stored.entries;
  if (snapshot !== null && replacesLog) [base, kept] = [pointOf(snapshot), []];
  if (compactTo !== null) {
    const at = kept.find((entry) => entry.index === compactTo);
    assert(at !== undefined || compactTo === base.index, 'a compaction ends inside the log');
    kept = kept.filter((entry) => entry.index > compactTo);
    if (at !== undefined) base = pointOf(at);
  }
  if (truncateFrom !== null) {
    const count = truncateFrom - 1 - base.index;
    assert(count >= 0 && count <= kept.length, 'a truncation begins inside the log or right after it');
    kept = kept.slice(0, count);
  }
  entries.forEach((entry, at) => {
    assert(entry.index === base.index + kept.length + at + 1, 'entries follow one another without a hole');
  });
  return {
    hardState: hardState ?? stored.hardState,
    snapshot: snapshot ?? stored.snapshot,
    base,
    entries: [...kept, ...entries],
  };
}

function pointOf({ index, term, timeMs }: LogBase): LogBase {
  return { index, term, timeMs };
}
