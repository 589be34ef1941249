/**
 * The disk of one manager, across its lives. A write is in or out as a whole, as a batch of LevelDB is; what was under
 * way at a crash may be either. It can be slow, hang, fail, and be set back to an older copy of itself.
 */
import type { Prng } from '../../src/base/index.js';
import { carryOutWrite, emptyStore } from '../../src/raft/index.js';
import type { LogStore, RestoredStore, StoreWrite } from '../../src/raft/index.js';
import type { EventQueue } from '../world/event-queue.js';
import type { ManagerProcess } from '../world/manager-process.js';

export interface DiskCopy {
  readonly stored: RestoredStore;
  readonly generation: number;
}

const syncMs = 0.3;
const hangLookMs = 25;

export class SimDisk {
  readonly storeId: string;
  stored: RestoredStore = emptyStore;
  generation = 0;
  /** Times the usual. */
  slowness = 1;
  isHung = false;
  failsNextWrite = false;
  readonly #queue: EventQueue;
  readonly #random: Prng;
  readonly #onWritten: (before: RestoredStore, batch: StoreWrite) => void;
  #pending: StoreWrite | null = null;

  constructor(queue: EventQueue, random: Prng, onWritten: (before: RestoredStore, batch: StoreWrite) => void) {
    this.#queue = queue;
    this.#random = random;
    this.#onWritten = onWritten;
    this.storeId = random.hex(16);
  }

  copy(): DiskCopy {
    return { stored: this.stored, generation: this.generation };
  }

  setBack({ stored, generation }: DiskCopy): void {
    this.stored = stored;
    this.generation = generation;
  }

  /** What was being written when the process or the machine ended may have come through. */
  crash(): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null && !this.isHung && this.#random.next() < 0.5) this.#land(pending);
  }

  /** The store of one life of the manager. */
  storeFor(process: ManagerProcess): LogStore {
    const disk = this;
    return {
      get generation(): number {
        return disk.generation;
      },
      open: () => Promise.resolve(disk.stored),
      write: (batch) => disk.#write(process, batch),
      close: () => Promise.resolve(),
    };
  }

  #write(process: ManagerProcess, batch: StoreWrite): Promise<void> {
    if (this.#pending !== null) throw new Error('one write at a time');
    this.#pending = batch;
    const ms = syncMs * this.slowness * (0.5 + this.#random.next());
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        if (this.#pending !== batch) return;
        if (this.isHung) {
          this.#queue.after(hangLookMs, finish);
          return;
        }
        this.#pending = null;
        if (this.failsNextWrite) {
          this.failsNextWrite = false;
          process.deliver(() => reject(new Error('EIO: input/output error')));
          return;
        }
        this.#land(batch);
        process.deliver(resolve);
      };
      this.#queue.after(ms, finish);
    });
  }

  #land(batch: StoreWrite): void {
    const before = this.stored;
    this.stored = carryOutWrite(before, batch);
    this.generation += 1;
    this.#onWritten(before, batch);
  }
}
