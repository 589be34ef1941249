/**
 * A log store without a disk, for tests. It keeps what was written across close and open, as a disk would, and can be
 * told to fail a write as a broken disk would.
 */
import { assert, logIndex, term } from '../base/index.js';
import { emptyBase } from './core/index.js';
import { carryOutWrite } from './stored-log.js';
import type { LogStore, RestoredStore, StoreWrite } from './types.js';

export const emptyStore: RestoredStore = {
  hardState: { term: term(0), votedFor: null, commitIndex: logIndex(0) },
  snapshot: null,
  base: emptyBase,
  entries: [],
};

export class MemoryLogStore implements LogStore {
  #stored: RestoredStore = emptyStore;
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
    return Promise.resolve(this.#stored);
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
      this.#stored = carryOutWrite(this.#stored, batch);
      this.#generation += 1;
    } catch (thrown) {
      this.#refusal = 'an earlier write failed';
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.#refusal = 'the store is closed';
    return Promise.resolve();
  }
}
