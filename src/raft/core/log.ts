/**
 * The log in memory: entries contiguous from the one after `base`, terms and times never decreasing. It answers
 * questions about terms and conflicts; it knows nothing of disks (durability.ts) nor of what is committed. What stood
 * at and before the base is in a snapshot, and is committed. All index arithmetic on the array is in this file.
 */
import type { LogIndex, Term } from '../../base/index.js';
import { assert, logIndex, term } from '../../base/index.js';
import type { StoredEntry } from './entry.js';
import { entryBytes } from './entry.js';
import type { LogBase } from './snapshot.js';

/** Entries of one append, whatever their size: bounds what a receiver has to decode. */
export const entriesPerAppendMax = 8192;

export interface ConflictHint {
  readonly index: LogIndex;
  readonly term: Term;
}

export class RaftLog {
  #base: LogBase;
  #entries: StoredEntry[];
  #bytes: number;

  constructor(base: LogBase, entries: readonly StoredEntry[]) {
    this.#base = base;
    this.#entries = [...entries];
    this.#bytes = bytesOf(this.#entries);
  }

  get base(): LogBase {
    return this.#base;
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#base.index + this.#entries.length);
  }

  get lastTerm(): Term {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  get lastTimeMs(): number {
    return this.#entries.at(-1)?.timeMs ?? this.#base.timeMs;
  }

  /** Of all entries, as limits count them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The term of an entry; null beyond the end of the log, and before its base. */
  termAt(index: LogIndex): Term | null {
    if (index === this.#base.index) return this.#base.term;
    return this.#at(index)?.term ?? null;
  }

  /** An entry, or the base, as the place where a snapshot may stand. */
  baseAt(index: LogIndex): LogBase | null {
    if (index === this.#base.index) return this.#base;
    const entry = this.#at(index);
    return entry === undefined ? null : { index, term: entry.term, timeMs: entry.timeMs };
  }

  matches(index: LogIndex, entryTerm: Term): boolean {
    return this.termAt(index) === entryTerm;
  }

  /** Both ends included; none if `to` is before `from`. */
  range(from: LogIndex, to: LogIndex): readonly StoredEntry[] {
    assert(from > this.#base.index && to <= this.lastIndex, `entries ${from}..${to} are not all in the log`);
    return this.#entries.slice(from - this.#base.index - 1, Math.max(0, to - this.#base.index));
  }

  /** Entries from `from` on, as many as fit into `bytesMax`, but at least one if there is any. */
  batch(from: LogIndex, bytesMax: number): readonly StoredEntry[] {
    assert(from > this.#base.index, `entry ${from} is in a snapshot`);
    const first = from - this.#base.index - 1;
    const end = Math.min(this.#entries.length, first + entriesPerAppendMax);
    let bytes = 0;
    let at = first;
    for (; at < end; at += 1) {
      bytes += entryBytes(this.#entries[at] as StoredEntry);
      if (bytes > bytesMax && at > first) break;
    }
    return this.#entries.slice(first, at);
  }

  append(entry: StoredEntry): void {
    assert(entry.index === this.lastIndex + 1, `entry ${entry.index} does not follow ${this.lastIndex}`);
    assert(entry.term >= this.lastTerm, `the term of entry ${entry.index} is below the one before`);
    assert(entry.timeMs >= this.lastTimeMs, `the time of entry ${entry.index} is before the one before`);
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }

  /** Removes this index and all after it. */
  truncateFrom(index: LogIndex): void {
    const isInside = index > this.#base.index && index <= this.lastIndex;
    assert(isInside, `cannot truncate from ${index}, the log is ${this.#base.index + 1}..${this.lastIndex}`);
    const removed = this.#entries.splice(index - this.#base.index - 1);
    this.#bytes -= bytesOf(removed);
  }

  /** Forgets the entries up to `index`, which becomes the base. */
  compactTo(index: LogIndex): void {
    const base = this.baseAt(index);
    assert(base !== null, `cannot compact to ${index}, the log is ${this.#base.index + 1}..${this.lastIndex}`);
    const removed = this.#entries.splice(0, index - this.#base.index);
    this.#bytes -= bytesOf(removed);
    this.#base = base;
  }

  /** Forgets all; the log begins anew after `base`. */
  replaceBy(base: LogBase): void {
    this.#base = base;
    this.#entries = [];
    this.#bytes = 0;
  }

  /** Does a log that ends so hold everything that ours could have helped to commit? (Raft paper 5.4.1.) */
  isUpToDate(otherLastIndex: LogIndex, otherLastTerm: Term): boolean {
    return otherLastTerm > this.lastTerm || (otherLastTerm === this.lastTerm && otherLastIndex >= this.lastIndex);
  }

  /**
   * The largest index at or below `index` whose term is at most `maxTerm`: where two logs can first agree. Skipping a
   * whole term per probe keeps a long divergence from taking one round trip per entry. Before the base nothing is known
   * any more: the index is given back as it is.
   */
  agreementAtMost(index: LogIndex, maxTerm: Term): ConflictHint {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#base.index && (this.termAt(logIndex(at)) as Term) > maxTerm) at -= 1;
    return { index: logIndex(at), term: this.termAt(logIndex(at)) ?? term(0) };
  }

  #at(index: number): StoredEntry | undefined {
    return this.#entries[index - this.#base.index - 1];
  }
}

function bytesOf(entries: readonly StoredEntry[]): number {
  return entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
}
