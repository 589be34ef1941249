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
import { assert, errorMessage, logIndex, term } from '../base/index.js';
import type { LogStore, RestoredStore, StoreWrite } from './types.js';
import { auditLog, type RawEntry } from './log-audit.js';
import { decodeState, encodeEntry, encodeState, genesisHash } from './log-record.js';
import type { ChainHash, LogTail, StateRecord } from './log-record.js';
import { MarkerFile } from './marker-file.js';
import { storeFaulted, storeLocked } from './store-errors.js';

type Database = Level<Uint8Array, Uint8Array>;
type Operation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const;
const stateKey = new Uint8Array([0x73]);
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
  /** Hash and term of every entry in the log; a truncation needs those of the entry before it. */
  #tails: LogTail[] = [];
  #refusal: string | null = 'the store is not open';
  #writing: Promise<void> | null = null;

  constructor(directory: string, clusterId: string) {
    this.#directory = directory;
    this.#genesis = genesisHash(clusterId);
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
    const { stored, raw } = await this.#readAll(database);
    const audit = auditLog(this.#genesis, marked, stored, raw);
    if (audit.kind === 'faulted') throw storeFaulted(this.#directory, audit.why);
    assert(stored !== null, 'a sound store has a state');
    const entries = audit.entries;
    this.#tails = entries.map(({ index, term: entryTerm }, at) => {
      return { index, term: entryTerm, hash: hashAt(audit.hashes, at) };
    });
    this.#state = audit.cutFrom === null ? stored : await this.#cut(database, stored, audit.cutFrom, raw);
    // Opening made a new file in the database's directory; LevelDB syncs its content and not its name.
    await syncDirectory(databaseDirectory(this.#directory));
    if (marked.generation !== this.#state.generation) await this.#marker.write(this.#state);
    this.#refusal = null;
    return { hardState: this.#state.hardState, entries };
  }

  async #readAll(database: Database): Promise<{ stored: StateRecord | null; raw: readonly RawEntry[] }> {
    let stored: StateRecord | null = null;
    const raw: RawEntry[] = [];
    try {
      for await (const [key, value] of database.iterator()) {
        const index = indexOfKey(key);
        if (index !== null) raw.push({ index, bytes: value });
        else if (Buffer.compare(key, stateKey) === 0) stored = decodeState(value);
        else throw new Error('it holds a key that is not ours');
      }
    } catch (thrown) {
      throw storeFaulted(this.#directory, `the database cannot be read: ${errorMessage(thrown)}`, thrown);
    }
    return { stored, raw };
  }

  /**
   * Same generation, shorter log: if this is interrupted before the marker follows, the next open finds a sound
   * database one ahead of the marker. The vote is kept: to remember one that was never spoken does no harm.
   */
  async #cut(database: Database, stored: StateRecord, from: number, raw: readonly RawEntry[]): Promise<StateRecord> {
    const tail = this.#tailAt(from - 1);
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
    const { operations, tails, keep } = this.#operationsOf(batch);
    const tail = tails.at(-1) ?? this.#tailAt(keep);
    const hardState = batch.hardState ?? state.hardState;
    const next: StateRecord = { generation: state.generation + 1, hardState, tail };
    operations.push({ type: 'put', key: stateKey, value: encodeState(next) });
    await database.batch(operations, { sync: true });
    // The batch may have begun a new log file, whose name LevelDB does not sync.
    await syncDirectory(databaseDirectory(this.#directory));
    await marker.write(next);
    this.#state = next;
    this.#tails.length = keep;
    this.#tails.push(...tails);
  }

  #operationsOf(batch: StoreWrite): { operations: Operation[]; tails: LogTail[]; keep: number } {
    const length = this.#tails.length;
    const keep = batch.truncateFrom === null ? length : batch.truncateFrom - 1;
    assert(keep >= 0 && keep <= length, 'a truncation begins inside the log or right after it');
    const operations: Operation[] = [];
    const tails: LogTail[] = [];
    let parent = this.#tailAt(keep);
    for (const entry of batch.entries) {
      assert(entry.index === parent.index + 1, 'entries follow one another without a hole');
      assert(entry.term >= parent.term, 'terms in a log never go back');
      const { bytes, hash } = encodeEntry(entry, parent.hash);
      operations.push({ type: 'put', key: entryKey(entry.index), value: bytes });
      parent = { index: entry.index, term: entry.term, hash };
      tails.push(parent);
    }
    // Explicit, in the same batch: LevelDB's own range deletion is neither atomic nor synced.
    for (let index = parent.index + 1; index <= length; index += 1) {
      operations.push({ type: 'del', key: entryKey(index) });
    }
    return { operations, tails, keep };
  }

  #tailAt(index: number): LogTail {
    if (index === 0) return { index: logIndex(0), term: term(0), hash: this.#genesis };
    const tail = this.#tails[index - 1];
    assert(tail !== undefined, 'every entry of the log has its hash');
    return tail;
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

