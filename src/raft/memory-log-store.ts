/**
 * A log store without a disk, for tests. It keeps what was written across close and open, as a disk would, and can be
 * told to fail a write as a broken disk would.
 */
import { assert, logIndex, term } from '../base/index.js';
import { emptyBase } from './core/index.js';
import type { HardState, LogBase, Snapshot, StoredEntry } from './core/index.js';
import type { LogStore, RestoredStore, StoreWrite } from './types.js';

export class MemoryLogStore implements LogStore {
  #hardState: HardState = { term: term(0), votedFor: null, commitIndex: logIndex(0) };
  #snapshot: Snapshot | null = null;
  #base: LogBase = emptyBase;
  #entries: StoredEntry[] = [];
  #generation = 0;
  #refusal: string | null = 'the store is not open';
  #failure: string | null = null;
  #writing = false;

  get generation(): number {
    return this.#generation;
  }

  /** The next write, and with it every later one, is rejected. */
  failNextWrite(reason: string): void {
    this.#failure = reason;
  }

  async open(): Promise<RestoredStore> {
    this.#refusal = null;
    const entries = [...this.#entries];
    return Promise.resolve({ hardState: this.#hardState, snapshot: this.#snapshot, base: this.#base, entries });
  }

  async write(batch: StoreWrite): Promise<void> {
    if (this.#refusal !== null) throw new Error(`the store refuses writes: ${this.#refusal}`);
    assert(!this.#writing, 'one write at a time');
    this.#writing = true;
    // A disk never answers within the call.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#writing = false;
    try {
      if (this.#failure !== null) throw new Error(this.#failure);
      this.#carryOut(batch);
    } catch (thrown) {
      this.#refusal = 'an earlier write failed';
      throw thrown;
    }
  }

  #carryOut({ hardState, snapshot, replacesLog, compactTo, truncateFrom, entries }: StoreWrite): void {
    let base = this.#base;
    let kept = this.#entries;
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
    this.#base = base;
    this.#entries = [...kept, ...entries];
    this.#snapshot = snapshot ?? this.#snapshot;
    this.#hardState = hardState ?? this.#hardState;
    this.#generation += 1;
  }

  async close(): Promise<void> {
    this.#refusal = 'the store is closed';
    return Promise.resolve();
  }
}

function pointOf({ index, term: atTerm, timeMs }: LogBase): LogBase {
  return { index, term: atTerm, timeMs };
}
