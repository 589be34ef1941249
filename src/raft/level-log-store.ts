/**
 * The log on disk: LevelDB for the entries, a marker file for what was acknowledged (log-audit.ts says why there are
 * two). A write is one atomic synced batch, then the marker, then the caller's promise; in this order only, so the
 * marker never claims what the database may not have, and nobody is told of what the marker does not cover.
 * It opens only what initStore made, and repairs nothing: a lost or damaged acknowledged entry is `store-faulted`.
 * After one failed write it refuses all others, because a later sync may report success for pages that are gone.
 */
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { assert, errorMessage, logIndex } from '../base/index.js';
import type { LogStore, RestoredStore, StoreWrite } from './types.js';
import { auditLog, type RawEntry, type RawStore } from './log-audit.js';
import { decodeState, encodeEntry, encodeSnapshot, encodeState, genesisHash, pointAfter } from './log-record.js';
import type { ChainHash, ChainPoint, StateRecord } from './log-record.js';
import { MarkerFile } from './marker-file.js';
import { storeFaulted, storeLocked } from './store-errors.js';

interface Planned extends Pick<StateRecord, 'base' | 'tail' | 'snapshotHash'> {
  /** In this order: what is deleted may be put again. */
  readonly operations: Operation[];
  /** Points that go from the front, that stay after those, that come. */
  readonly dropped: number;
  readonly kept: number;
  readonly added: readonly ChainPoint[];
}

type Database = Level<Uint8Array, Uint8Array>;
type Operation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const;
const stateKey = new Uint8Array([0x73]);
const snapshotKey = new Uint8Array([0x70]);
const entryPrefix = 0x65;

function entryKey(index: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = entryPrefix;
  // Big-endian, so that the database's byte order is the log's order.
  new DataView(key.buffer).setBigUint64(1, BigInt(index));
  return key;
}

function indexOfKey(key: Uint8Array): number | null {
  if (key.length !== 9 || key[0] !== entryPrefix) return null;
  return Number(new DataView(key.buffer, key.byteOffset, 9).getBigUint64(1));
}

export const databaseDirectory = (directory: string): string => join(directory, 'log');
export const markerPath = (directory: string): string => join(directory, 'marker');

/** Makes a directory's entries durable: a file that was synced but whose name was not is gone after a power loss. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await openFile(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Part of initStore: an empty database at generation 0. Fails when there is one. */
export async function createDatabase(directory: string, state: StateRecord): Promise<void> {
  const database: Database = new Level(databaseDirectory(directory), encodings);
  await database.open({ createIfMissing: true, errorIfExists: true });
  try {
    await database.batch([{ type: 'put', key: stateKey, value: encodeState(state) }], { sync: true });
  } finally {
    await database.close();
  }
  await syncDirectory(databaseDirectory(directory));
}

async function openDatabase(directory: string): Promise<Database> {
  const database: Database = new Level(databaseDirectory(directory), { ...encodings, createIfMissing: false });
  try {
    // Awaited: a deferred open would hide its failure until the first operation.
    await database.open({ createIfMissing: false });
  } catch (thrown) {
    const cause = (thrown as { readonly cause?: { readonly code?: unknown } }).cause;
    if (cause?.code === 'LEVEL_LOCKED') throw storeLocked(directory, thrown);
    const why = `the database does not open: ${errorMessage(cause ?? thrown)}`;
    throw storeFaulted(directory, why, thrown);
  }
  return database;
}

export class LevelLogStore implements LogStore {
  readonly #directory: string;
  readonly #genesis: ChainHash;
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
  }

  get generation(): number {
    return this.#state?.generation ?? 0;
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
    this.#marker = await MarkerFile.open(markerPath(this.#directory)).catch((thrown: unknown) => {
      throw storeFaulted(this.#directory, `the marker does not open: ${errorMessage(thrown)}`, thrown);
    });
    const marked = await this.#marker.read();
    if (marked === null) throw storeFaulted(this.#directory, 'the marker is damaged');
    const raw = await this.#readAll(database);
    const audit = auditLog(marked, raw);
    if (audit.kind === 'faulted') throw storeFaulted(this.#directory, audit.why);
    const { state: stored } = raw;
    assert(stored !== null, 'a sound store has a state');
    const { entries, snapshot, hashes } = audit;
    this.#state = stored;
    this.#points = entries.map(({ index, term: entryTerm, timeMs }, at) => {
      return { index, term: entryTerm, timeMs, hash: hashAt(hashes, at) };
    });
    if (audit.cutFrom !== null) this.#state = await this.#cut(database, stored, audit.cutFrom, raw.entries);
    // Opening made a new file in the database's directory; LevelDB syncs its content and not its name.
    await syncDirectory(databaseDirectory(this.#directory));
    if (marked.generation !== this.#state.generation) await this.#marker.write(this.#state);
    this.#refusal = null;
    const { index, term: baseTerm, timeMs } = this.#state.base;
    return { hardState: this.#state.hardState, snapshot, base: { index, term: baseTerm, timeMs }, entries };
  }

  async #readAll(database: Database): Promise<RawStore> {
    let state: StateRecord | null = null;
    let snapshot: Uint8Array | null = null;
    const entries: RawEntry[] = [];
    try {
      for await (const [key, value] of database.iterator()) {
        const index = indexOfKey(key);
        if (index !== null) entries.push({ index, bytes: value });
        else if (Buffer.compare(key, stateKey) === 0) state = decodeState(value);
        else if (Buffer.compare(key, snapshotKey) === 0) snapshot = value;
        else throw new Error('it holds a key that is not ours');
      }
    } catch (thrown) {
      throw storeFaulted(this.#directory, `the database cannot be read: ${errorMessage(thrown)}`, thrown);
    }
    return { state, snapshot, entries };
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
    await syncDirectory(databaseDirectory(this.#directory));
    await marker.write(next);
    this.#state = next;
    if (dropped > 0) this.#points.splice(0, dropped);
    this.#points.length = kept;
    this.#points.push(...added);
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
    await marker?.close();
    await database?.close();
  }
}

function hashAt(hashes: readonly ChainHash[], at: number): ChainHash {
  const hash = hashes[at];
  assert(hash !== undefined, 'every entry of the log has its hash');
  return hash;
}

