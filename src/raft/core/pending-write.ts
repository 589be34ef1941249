/** What one step wants on the disk, collected until the step ends: at most one write, which is one atomic batch. */
import type { LogIndex } from '../../base/index.js';
import { assert } from '../../base/index.js';
import type { HardState } from './entry.js';
import type { RaftLog } from './log.js';
import type { WriteOutput, WriteSeq } from './output.js';
import type { Snapshot } from './snapshot.js';

export class PendingWrite {
  /** Null: nothing that must be synced. */
  #seq: WriteSeq | null = null;
  #truncatedFrom: LogIndex | null = null;
  #appendedFrom: LogIndex | null = null;
  #snapshot: Snapshot | null = null;
  #replacesLog = false;
  #compactedTo: LogIndex | null = null;
  #isVoteChanged = false;
  #isCommitMoved = false;

  seq(next: () => WriteSeq): WriteSeq {
    this.#seq ??= next();
    return this.#seq;
  }

  appendedFrom(index: LogIndex): void {
    this.#appendedFrom ??= index;
  }

  truncatedFrom(index: LogIndex): void {
    assert(this.#appendedFrom === null && this.#snapshot === null, 'one step truncates before it does anything else');
    this.#truncatedFrom = index;
  }

  snapshot(snapshot: Snapshot): void {
    assert(this.#snapshot === null, 'one snapshot a step');
    this.#snapshot = snapshot;
  }

  replacedBy(snapshot: Snapshot): void {
    assert(this.#appendedFrom === null && this.#truncatedFrom === null, 'a snapshot takes the place of a whole log');
    this.snapshot(snapshot);
    this.#replacesLog = true;
  }

  compacted(index: LogIndex): void {
    this.#compactedTo = index;
  }

  voteChanged(): void {
    this.#isVoteChanged = true;
  }

  commitMoved(): void {
    this.#isCommitMoved = true;
  }

  /** Null when nothing changed. */
  take(log: RaftLog, hardState: HardState, next: () => WriteSeq): WriteOutput | null {
    const sync = this.#seq !== null;
    if (!sync && !this.#isCommitMoved) return null;
    const write: WriteOutput = {
      kind: 'write',
      seq: this.#seq ?? next(),
      hardState: this.#isVoteChanged || this.#isCommitMoved ? hardState : null,
      snapshot: this.#snapshot,
      replacesLog: this.#replacesLog,
      compactTo: this.#compactedTo,
      truncateFrom: this.#truncatedFrom,
      entries: this.#appendedFrom === null ? [] : log.range(this.#appendedFrom, log.lastIndex),
      sync,
    };
    this.#seq = null;
    this.#truncatedFrom = null;
    this.#appendedFrom = null;
    this.#snapshot = null;
    this.#replacesLog = false;
    this.#compactedTo = null;
    this.#isVoteChanged = false;
    this.#isCommitMoved = false;
    return write;
  }
}
