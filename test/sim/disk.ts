/**
 * The disk of one manager, across its lives. A write is in or out as a whole, as a batch of LevelDB is, or torn
 * (torn-write.ts). It is slow, hangs, fails, is full, keeps or loses what was under way at a crash, and can be set back
 * to an older copy of itself or be wiped.
 */
import type { Prng } from '../../src/base/index.js';
import { carryOutWrite, emptyStore } from '../../src/raft/index.js';
import type { LogStore, RestoredStore, StoreWrite } from '../../src/raft/index.js';
import type { EventQueue } from '../world/event-queue.js';
import type { ManagerProcess } from '../world/manager-process.js';
import { canTear, tear } from './torn-write.js';

export interface DiskCopy {
  readonly stored: RestoredStore;
  readonly generation: number;
}

/** In the reason of every halt that a disk is to blame for. */
export const diskFailure = 'simulated disk';
export const storeFaulted = 'store-faulted';

const syncMs = 0.3;
const hangLookMs = 25;

export class SimDisk {
  storeId: string;
  stored: RestoredStore = emptyStore;
  generation = 0;
  /** Times the usual. */
  slowness = 1;
  isHung = false;
  isFull = false;
  failsNextWrite = false;
  /** Chance that the write under way at a crash is there afterwards, though nobody was told. */
  keepsShare = 0.5;
  /** What is under way at a crash arrives in parts. */
  tears = false;
  /** What the store says when it is opened; null: it is sound. */
  fault: string | null = null;
  readonly #queue: EventQueue;
  readonly #random: Prng;
  readonly #onDurable: (stored: RestoredStore) => void;
  #pending: StoreWrite | null = null;

  constructor(queue: EventQueue, random: Prng, onDurable: (stored: RestoredStore) => void) {
    this.#queue = queue;
    this.#random = random;
    this.#onDurable = onDurable;
    this.storeId = random.hex(16);
  }

  get isWriting(): boolean {
    return this.#pending !== null;
  }

  copy(): DiskCopy {
    return { stored: this.stored, generation: this.generation };
  }

  setBack({ stored, generation }: DiskCopy): void {
    this.stored = stored;
    this.generation = generation;
  }

  /** Somebody made a new store in its place, under the same id. */
  wipe(): void {
    this.setBack({ stored: emptyStore, generation: 0 });
    this.storeId = this.#random.hex(16);
  }

  mend(): void {
    Object.assign(this, { slowness: 1, isHung: false, isFull: false, failsNextWrite: false });
    Object.assign(this, { keepsShare: 0.5, tears: false });
  }

  /** What was being written when the process or the machine ended may have come through. */
  crash(): void {
    const pending = this.#pending;
    this.#pending = null;
    const canLand = !this.isHung && !this.isFull && !this.failsNextWrite;
    if (pending === null || !canLand) return;
    if (this.tears && canTear(pending)) this.#tear(pending);
    else if (this.#random.next() < this.keepsShare) this.#land(pending);
  }

  /** The store of one life of the manager. */
  storeFor(process: ManagerProcess): LogStore {
    const generation = (): number => this.generation;
    return {
      get generation(): number {
        return generation();
      },
      open: () => this.fault === null ? Promise.resolve(this.stored) : Promise.reject(new Error(this.fault)),
      write: (batch) => this.#write(process, batch),
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
        if (this.failsNextWrite || this.isFull) {
          const code = this.isFull ? 'ENOSPC' : 'EIO';
          this.failsNextWrite = false;
          process.deliver(() => reject(new Error(`${diskFailure}: ${code}`)));
          return;
        }
        this.#land(batch);
        process.deliver(resolve);
      };
      this.#queue.after(ms, finish);
    });
  }

  /** Nobody is told: what is left is what the next life begins with. */
  #tear(batch: StoreWrite): void {
    const torn = tear(this.stored, batch, this.#random);
    if (torn.kind === 'faulted') this.fault = `${storeFaulted}: ${torn.why}`;
    else [this.stored, this.generation] = [torn.stored, this.generation + 1];
  }

  #land(batch: StoreWrite): void {
    this.stored = carryOutWrite(this.stored, batch);
    this.generation += 1;
    this.#onDurable(this.stored);
  }
}
