/**
 * The log on disk: LevelDB for the entries, a marker file for what was acknowledged (log-audit.ts says why there are
 * two). A write is one atomic synced batch, then the marker, then the caller's promise; in this order only, so the
 * marker never claims what the database may not have, and nobody is told of what the marker does not cover.
 * It opens only what initStore made, and repairs nothing: a lost or damaged acknowledged entry is `store-faulted`.
 * After one failed write it refuses all others, because a later sync may report success for pages that are gone.
 */
import { assert, errorMessage, logIndex } from '../base/index.js';
import type { LogStore, RestoredStore, StoreWrite } from './types.js';
import {
  databaseDirectory, entryKey, openDatabase, snapshotKey, stateKey, type Database, type Operation,
} from './level-database.js';
import type { RawEntry } from './log-audit.js';
import { LogFileName } from './log-file-name.js';
import { encodeEntry, encodeSnapshot, encodeState, genesisHash, pointAfter } from './log-record.js';
import type { ChainHash, ChainPoint, StateRecord } from './log-record.js';
import type { MarkerFile } from './marker-file.js';
import { storeFaulted } from './store-errors.js';
import { readStore } from './store-reading.js';

interface Planned extends Pick<StateRecord, 'base' | 'tail' | 'snapshotHash'> {
  /** In this order: what is deleted may be put again. */
  readonly operations: Operation[];
  /** Points that go from the front, that stay after those, that come. */
  readonly dropped: number;
  readonly kept: number;
  readonly added: readonly ChainPoint[];
}

/** What a batch takes in LevelDB's log file, at least. */
function bytesOf(operations: readonly Operation[]): number {
  return operations.reduce((sum, one) => sum + one.key.length + (one.type === 'put' ? one.value.length : 0), 0);
}

export class LevelLogStore implements LogStore {
  readonly #directory: string;
  readonly #genesis: ChainHash;
  readonly #logFileName: LogFileName;
  #database: Database | null = null;
  #marker: MarkerFile | null = null;
  #state: StateRecord | null = null;
  /** Hash, term and time of every entry in the log: what is cut or compacted needs those of the entry before it. */
  #points: ChainPoint[] = [];
  #refusal: string | null = 'the store is not open';
  #writing: Promise<void> | null = null;

  constructor(directory: string, clusterId: string) {
    this.#directory = directory;
    this.#genesis = genesisHash(clusterId);
    this.#logFileName = new LogFileName(databaseDirectory(directory));
  }

  /** Never 0 for want of knowing: whoever remembers more would take the store for one that was set back. */
  get generation(): number {
    assert(this.#state !== null, 'how far a store has come is known once it is open');
    return this.#state.generation;
  }

  async open(): Promise<RestoredStore> {
    assert(this.#database === null && this.#state === null, 'a store is opened once');
    // The database first: its lock keeps a second process away from the marker too.
    this.#database = await openDatabase(this.#directory);
    try {
      return await this.#restore(this.#database);
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  async #restore(database: Database): Promise<RestoredStore> {
    const { marker, marked, raw, audit, cause } = await readStore(this.#directory, database);
    this.#marker = marker;
    if (audit.kind === 'faulted') throw storeFaulted(this.#directory, audit.why, cause);
    const { state: stored } = raw;
    assert(stored !== null && marker !== null && marked !== null, 'a sound store has a state and a marker');
    const { entries, snapshot, hashes } = audit;
    this.#state = stored;
    this.#points = entries.map(({ index, term: entryTerm, timeMs }, at) => {
      return { index, term: entryTerm, timeMs, hash: hashAt(hashes, at) };
    });
    if (audit.cutFrom !== null) this.#state = await this.#cut(database, stored, audit.cutFrom, raw.entries);
    // Opening made a new file in the database's directory; LevelDB syncs its content and not its name.
    await this.#logFileName.follow();
    if (marked.generation !== this.#state.generation) await marker.write(this.#state);
    this.#refusal = null;
    const { index, term: baseTerm, timeMs } = this.#state.base;
    return { hardState: this.#state.hardState, snapshot, base: { index, term: baseTerm, timeMs }, entries };
  }

  /**
   * Same generation, shorter log: if this is interrupted before the marker follows, the next open finds a sound
   * database one ahead of the marker. The vote is kept: to remember one that was never spoken does no harm.
   */
  async #cut(database: Database, stored: StateRecord, from: number, raw: readonly RawEntry[]): Promise<StateRecord> {
    const tail = this.#pointAt(from - 1);
    const commitIndex = logIndex(Math.min(stored.hardState.commitIndex, tail.index));
    const state = { ...stored, hardState: { ...stored.hardState, commitIndex }, tail };
    const dels = raw.filter(({ index }) => index >= from);
    await database.batch(
      [
        ...dels.map(({ index }): Operation => ({ type: 'del', key: entryKey(index) })),
        { type: 'put', key: stateKey, value: encodeState(state) },
      ],
      { sync: true },
    );
    return state;
  }

  async write(batch: StoreWrite): Promise<void> {
    if (this.#refusal !== null) throw new Error(`the store refuses writes: ${this.#refusal}`);
    assert(this.#writing === null, 'one write at a time');
    this.#writing = this.#write(batch);
    try {
      await this.#writing;
    } catch (thrown) {
      this.#refusal = `an earlier write failed: ${errorMessage(thrown)}`;
      throw thrown;
    } finally {
      this.#writing = null;
    }
  }

  async #write(batch: StoreWrite): Promise<void> {
    const { database, marker, state } = this.#opened();
    const { operations, dropped, kept, added, ...places } = this.#plan(batch, state);
    const hardState = batch.hardState ?? state.hardState;
    const next: StateRecord = { generation: state.generation + 1, hardState, ...places };
    operations.push({ type: 'put', key: stateKey, value: encodeState(next) });
    await database.batch(operations, { sync: true });
    // The batch may have begun a new log file, whose name LevelDB does not sync.
    if (!this.#logFileName.hasGrownBy(bytesOf(operations))) await this.#logFileName.follow();
    await marker.write(next);
    this.#state = next;
    if (dropped > 0) this.#points.splice(0, dropped);
    this.#points.length = kept;
    // One by one: spread into one call, a huge batch would exceed the stack after it is durable.
    for (const point of added) this.#points.push(point);
  }

  #plan(batch: StoreWrite, state: StateRecord): Planned {
    const operations: Operation[] = [];
    const length = this.#points.length;
    let { base, snapshotHash } = state;
    let dropped = 0;
    if (batch.snapshot !== null) {
      const { bytes, hash } = encodeSnapshot(batch.snapshot);
      operations.push({ type: 'put', key: snapshotKey, value: bytes });
      snapshotHash = hash;
      if (batch.replacesLog) {
        base = pointAfter(batch.snapshot, this.#genesis, hash);
        dropped = length;
      }
    }
    if (batch.compactTo !== null) {
      assert(dropped === 0, 'what replaces a log need not compact it');
      dropped = batch.compactTo - base.index;
      assert(dropped >= 0 && dropped <= length, 'a compaction ends inside the log');
      base = this.#pointAt(batch.compactTo);
    }
    const kept = batch.truncateFrom === null ? length - dropped : batch.truncateFrom - 1 - base.index;
    assert(kept >= 0 && kept <= length - dropped, 'a truncation begins inside the log or right after it');
    // Explicit, in the same batch: LevelDB's own range deletion is neither atomic nor synced.
    for (const point of [...this.#points.slice(0, dropped), ...this.#points.slice(dropped + kept)]) {
      operations.push({ type: 'del', key: entryKey(point.index) });
    }
    const added: ChainPoint[] = [];
    let parent = kept === 0 ? base : this.#pointAt(base.index + kept);
    for (const entry of batch.entries) {
      assert(entry.index === parent.index + 1, 'entries follow one another without a hole');
      assert(entry.term >= parent.term, 'terms in a log never go back');
      const { bytes, hash } = encodeEntry(entry, parent.hash);
      operations.push({ type: 'put', key: entryKey(entry.index), value: bytes });
      parent = { index: entry.index, term: entry.term, timeMs: entry.timeMs, hash };
      added.push(parent);
    }
    return { operations, dropped, kept, added, base, tail: parent, snapshotHash };
  }

  #pointAt(index: number): ChainPoint {
    const { base } = this.#opened().state;
    const point = index === base.index ? base : this.#points[index - base.index - 1];
    assert(point !== undefined, 'every entry of the log has its hash');
    return point;
  }

  #opened(): { database: Database; marker: MarkerFile; state: StateRecord } {
    const [database, marker, state] = [this.#database, this.#marker, this.#state];
    assert(database !== null && marker !== null && state !== null, 'the store is open');
    return { database, marker, state };
  }

  async close(): Promise<void> {
    this.#refusal ??= 'the store is closed';
    await this.#writing?.catch(() => undefined);
    const [database, marker] = [this.#database, this.#marker];
    this.#database = null;
    this.#marker = null;
    this.#logFileName.close();
    await marker?.close();
    await database?.close();
  }
}

function hashAt(hashes: readonly ChainHash[], at: number): ChainHash {
  const hash = hashes[at];
  assert(hash !== undefined, 'every entry of the log has its hash');
  return hash;
}

