/**
 * The log in memory: all entries, contiguous from index 1, terms and times never decreasing. It answers questions about
 * terms and conflicts; it knows nothing of disks (durability.ts) nor of what is committed. Index 0 is the empty prefix
 * with term 0. All index arithmetic on the array is in this file, so that a compacted prefix can come in here alone.
 */
import type { LogIndex, Term } from '../../base/index.js';
import { assert, logIndex, term } from '../../base/index.js';
import type { StoredEntry } from './entry.js';
import { entryBytes } from './entry.js';

/** Entries of one append, whatever their size: bounds what a receiver has to decode. */
export const entriesPerAppendMax = 8192;

export interface ConflictHint {
  readonly index: LogIndex;
  readonly term: Term;
}

export class RaftLog {
  readonly #entries: StoredEntry[];

  constructor(entries: readonly StoredEntry[]) {
    this.#entries = [...entries];
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#entries.length);
  }

  get lastTerm(): Term {
    return this.#entries.at(-1)?.term ?? term(0);
  }

  get lastTimeMs(): number {
    return this.#entries.at(-1)?.timeMs ?? 0;
  }

  /** The term of an entry; null beyond the end of the log. */
  termAt(index: LogIndex): Term | null {
    if (index === 0) return term(0);
    return this.#entries[index - 1]?.term ?? null;
  }

  matches(index: LogIndex, entryTerm: Term): boolean {
    return this.termAt(index) === entryTerm;
  }

  /** Both ends included; none if `to` is before `from`. */
  range(from: LogIndex, to: LogIndex): readonly StoredEntry[] {
    assert(from >= 1 && to <= this.lastIndex, `entries ${from}..${to} are not all in the log`);
    return this.#entries.slice(from - 1, to);
  }

  /** Entries from `from` on, as many as fit into `bytesMax`, but at least one if there is any. */
  batch(from: LogIndex, bytesMax: number): readonly StoredEntry[] {
    const end = Math.min(this.#entries.length, from - 1 + entriesPerAppendMax);
    let bytes = 0;
    let at = from - 1;
    for (; at < end; at += 1) {
      bytes += entryBytes(this.#entries[at] as StoredEntry);
      if (bytes > bytesMax && at > from - 1) break;
    }
    return this.#entries.slice(from - 1, at);
  }

  append(entry: StoredEntry): void {
    assert(entry.index === this.lastIndex + 1, `entry ${entry.index} does not follow ${this.lastIndex}`);
    assert(entry.term >= this.lastTerm, `the term of entry ${entry.index} is below the one before`);
    assert(entry.timeMs >= this.lastTimeMs, `the time of entry ${entry.index} is before the one before`);
    this.#entries.push(entry);
  }

  /** Removes this index and all after it. */
  truncateFrom(index: LogIndex): void {
    assert(index >= 1 && index <= this.lastIndex, `cannot truncate from ${index}, the log ends at ${this.lastIndex}`);
    this.#entries.length = index - 1;
  }

  /** Does a log that ends so hold everything that ours could have helped to commit? (Raft paper 5.4.1.) */
  isUpToDate(otherLastIndex: LogIndex, otherLastTerm: Term): boolean {
    return otherLastTerm > this.lastTerm || (otherLastTerm === this.lastTerm && otherLastIndex >= this.lastIndex);
  }

  /**
   * The largest index at or below `index` whose term is at most `maxTerm`: where two logs can first agree. Skipping a
   * whole term per probe keeps a long divergence from taking one round trip per entry.
   */
  agreementAtMost(index: LogIndex, maxTerm: Term): ConflictHint {
    let at = Math.min(index, this.#entries.length);
    while (at > 0 && (this.#entries[at - 1] as StoredEntry).term > maxTerm) at -= 1;
    return { index: logIndex(at), term: this.termAt(logIndex(at)) as Term };
  }
}
