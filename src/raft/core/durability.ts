/**
 * Which part of the log in memory is also on the disk, and which write a message has to wait for. Writes reach the
 * disk in order, so a notice for one covers all before it. Invariant: the entry in memory at every index up to
 * `durableIndex` is the one on the disk; a truncation lowers what pending writes can prove, or the late notice of an
 * overwritten entry would make a different entry at the same index look durable (the ABA race).
 */
import type { LogIndex } from '../../base/index.js';
import { assert, logIndex } from '../../base/index.js';
import type { WriteSeq } from './output.js';

interface PendingWrite {
  readonly seq: WriteSeq;
  /** What is still in the log of the entries that this write completes; 0 if it has none. */
  upTo: LogIndex;
  holdsVote: boolean;
}

export class Durability {
  #durableIndex: LogIndex;
  #lastSeq: WriteSeq = 0;
  #pending: PendingWrite[] = [];
  #stalledTicks = 0;

  constructor(durableIndex: LogIndex) {
    this.#durableIndex = durableIndex;
  }

  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  get lastSeq(): WriteSeq {
    return this.#lastSeq;
  }

  /** Ticks for which something has waited for the disk while the disk finished nothing; 0 when nothing waits. */
  get stalledTicks(): number {
    return this.#stalledTicks;
  }

  tick(): void {
    this.#stalledTicks = this.#pending.length === 0 ? 0 : this.#stalledTicks + 1;
  }

  /** A number for a write. One that nobody waits for (the commit index alone) is not followed further. */
  nextSeq(): WriteSeq {
    this.#lastSeq += 1;
    return this.#lastSeq;
  }

  /** This write will hold the log up to `upTo`. */
  entriesIn(seq: WriteSeq, upTo: LogIndex): void {
    this.#write(seq).upTo = upTo;
  }

  /** This write holds a new term or vote. */
  voteIn(seq: WriteSeq): void {
    this.#write(seq).holdsVote = true;
  }

  truncatedFrom(index: LogIndex): void {
    const kept = logIndex(index - 1);
    if (this.#durableIndex > kept) this.#durableIndex = kept;
    for (const write of this.#pending) if (write.upTo > kept) write.upTo = kept;
  }

  persisted(seq: WriteSeq): void {
    assert(seq <= this.#lastSeq, `write ${seq} was never asked for`);
    for (const write of this.#pending) {
      if (write.seq <= seq && write.upTo > this.#durableIndex) this.#durableIndex = write.upTo;
    }
    this.#pending = this.#pending.filter((write) => write.seq > seq);
    // Any progress counts, not the age of what waits: under load a merely slow disk always has old writes waiting.
    this.#stalledTicks = 0;
  }

  /** Waits for everything so far. */
  afterAll(): WriteSeq | null {
    return this.#pending.at(-1)?.seq ?? null;
  }

  /** Waits for term and vote. */
  afterVote(): WriteSeq | null {
    return this.#pending.findLast((write) => write.holdsVote)?.seq ?? null;
  }

  /** Waits for term and vote, and the log up to `index`. */
  afterEntries(index: LogIndex): WriteSeq | null {
    const vote = this.afterVote();
    if (index <= this.#durableIndex) return vote;
    const covering = this.#pending.find((write) => write.upTo >= index);
    assert(covering !== undefined, `no write holds entry ${index}`);
    return vote === null ? covering.seq : Math.max(vote, covering.seq);
  }

  #write(seq: WriteSeq): PendingWrite {
    const last = this.#pending.at(-1);
    if (last?.seq === seq) return last;
    assert(last === undefined || last.seq < seq, `write ${seq} comes after ${last?.seq}`);
    const write: PendingWrite = { seq, upTo: logIndex(0), holdsVote: false };
    this.#pending.push(write);
    return write;
  }
}
