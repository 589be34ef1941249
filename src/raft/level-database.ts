/** The records of a store in LevelDB: keys, opening, and everything that is in there. Nothing is judged here. */
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { errorMessage } from '../base/index.js';
import type { RawEntry, RawStore } from './log-audit.js';
import { decodeState, encodeState, type StateRecord } from './log-record.js';
import { storeFaulted, storeLocked } from './store-errors.js';

export type Database = Level<Uint8Array, Uint8Array>;
export type Operation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const;
export const stateKey = new Uint8Array([0x73]);
export const snapshotKey = new Uint8Array([0x70]);
const entryPrefix = 0x65;

export function entryKey(index: number): Uint8Array {
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

export function isLocked(thrown: unknown): boolean {
  const cause = (thrown as { readonly cause?: { readonly code?: unknown } }).cause;
  return cause?.code === 'LEVEL_LOCKED';
}

export async function openDatabase(directory: string): Promise<Database> {
  const database: Database = new Level(databaseDirectory(directory), { ...encodings, createIfMissing: false });
  try {
    // Awaited: a deferred open would hide its failure until the first operation.
    await database.open({ createIfMissing: false });
  } catch (thrown) {
    if (isLocked(thrown)) throw storeLocked(directory, thrown);
    const { cause } = thrown as { readonly cause?: unknown };
    const why = `the database does not open: ${errorMessage(cause ?? thrown)}`;
    throw storeFaulted(directory, why, thrown);
  }
  return database;
}

export interface DatabaseContent {
  /** As far as it could be read. */
  readonly raw: RawStore;
  /** Why it could not be read to its end. */
  readonly failure: unknown;
}

export async function readContent(database: Database): Promise<DatabaseContent> {
  let state: StateRecord | null = null;
  let snapshot: Uint8Array | null = null;
  const entries: RawEntry[] = [];
  let failure: unknown = null;
  try {
    for await (const [key, value] of database.iterator()) {
      const index = indexOfKey(key);
      if (index !== null) entries.push({ index, bytes: value });
      else if (Buffer.compare(key, stateKey) === 0) state = decodeState(value);
      else if (Buffer.compare(key, snapshotKey) === 0) snapshot = value;
      else throw new Error('it holds a key that is not ours');
    }
  } catch (thrown) {
    failure = thrown;
  }
  return { raw: { state, snapshot, entries }, failure };
}
