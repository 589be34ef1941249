/**
 * A log store without a disk, for tests. It keeps what was written across close and open, as a disk would, and can be
 * told to fail a write as a broken disk would.
 */
import { assert, logIndex, term } from '../base/index.js';
import type { HardState, StoredEntry } from './core/index.js';
import type { LogStore, RestoredStore, StoreWrite } from './types.js';

export class MemoryLogStore implements LogStore {
  #hardState: HardState = { term: term(0), votedFor: null, commitIndex: logIndex(0) };
  #entries: StoredEntry[] = [];
  #refusal: string | null = 'the store is not open';
  #failure: string | null = null;
  #writing = false;

  /** The next write, and with it every later one, is rejected. */
  failNextWrite(reason: string): void {
    this.#failure = reason;
  }

  async open(): Promise<RestoredStore> {
    this.#refusal = null;
    return Promise.resolve({ hardState: this.#hardState, entries: [...this.#entries] });
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
      this.#append(batch);
    } catch (thrown) {
      this.#refusal = 'an earlier write failed';
      throw thrown;
    }
  }

  #append(batch: StoreWrite): void {
    const keep = batch.truncateFrom === null ? this.#entries.length : batch.truncateFrom - 1;
    assert(keep >= 0 && keep <= this.#entries.length, 'a truncation begins inside the log or right after it');
    batch.entries.forEach((entry, at) => {
      assert(entry.index === keep + at + 1, 'entries follow one another without a hole');
    });
    this.#entries = [...this.#entries.slice(0, keep), ...batch.entries];
    this.#hardState = batch.hardState ?? this.#hardState;
  }

  async close(): Promise<void> {
    this.#refusal = 'the store is closed';
    return Promise.resolve();
  }
}
