/**
 * Every byte of a small store, flipped in turn: the store is refused, or gives back all that was acknowledged. Never
 * less, never something else. A manager with a hole in its log may have voted for, or counted towards, what it lacks.
 */
import { access, constants, cp, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HactlError, logIndex, managerId } from '../../src/base/index.js';
import { initStore, openStore } from '../../src/raft/index.js';
import type { OpenedStore, RestoredStore, StoredEntry } from '../../src/raft/index.js';
import { openDatabase, type Database } from '../../src/raft/level-database.js';
import { readStore } from '../../src/raft/store-reading.js';
import { commandEntry, hardStateOf, noOpEntry, snapshotOf, writeOf } from './log-store.js';

const id = managerId('m1');
const voters = ['m1', 'm2', 'm3'].map(managerId);
const expected = { managerId: id, clusterId: 'c' };
const files: string[] = [];
let parent = '';
let original = '';
let written: RestoredStore;
let meta: OpenedStore['meta'];

beforeAll(async () => {
  parent = await mkdtemp(join(await quickestFolder(), 'hactl-flips-'));
  original = join(parent, 'original');
  await initStore(original, { clusterId: 'c', managerId: id, voters });
  const { store } = await openStore(original, { managerId: id });
  await store.open();
  await store.write(writeOf({ hardState: hardStateOf(1, 'm1'), entries: [1, 2, 3].map((at) => commandEntry(at, 1)) }));
  const snapshot = snapshotOf(2, 1);
  await store.write(writeOf({ snapshot, compactTo: logIndex(1) }));
  const members: StoredEntry = { ...noOpEntry(4, 2), timeMs: commandEntry(4, 2).timeMs, payload: {
    kind: 'membership', membership: snapshot.membership,
  } };
  await store.write(writeOf({ hardState: hardStateOf(2, 'm2', 2), entries: [members] }));
  await store.write(writeOf({ entries: [commandEntry(5, 2)] }));
  await store.close();
  for (const name of (await readdir(original, { recursive: true })).sort()) {
    const file = await stat(join(original, name));
    if (file.isFile() && file.size > 0) files.push(name);
  }
  await cp(original, join(parent, 'check'), { recursive: true });
  const opened = await openStore(join(parent, 'check'), expected);
  meta = opened.meta;
  written = await opened.store.open();
  await opened.store.close();
});

afterAll(() => rm(parent, { recursive: true, force: true }));

/** In memory if possible: what a byte means does not depend on the disk, and thousands of syncs take long. */
async function quickestFolder(): Promise<string> {
  const inMemory = '/dev/shm';
  return access(inMemory, constants.W_OK).then(() => inMemory, tmpdir);
}

/** The original with other bytes in one file. The rest are links: LevelDB replaces files, and never writes in one. */
async function variant(name: string, changed: string, bytes: Uint8Array): Promise<string> {
  const directory = join(parent, name);
  await mkdir(join(directory, 'log'), { recursive: true });
  for (const file of files) {
    // The marker is written in place.
    if (file === changed || file === 'marker') continue;
    await link(join(original, file), join(directory, file));
  }
  if (changed !== 'marker') await cp(join(original, 'marker'), join(directory, 'marker'));
  await writeFile(join(directory, changed), bytes);
  return directory;
}

/** What becomes of the store with these bytes in the file: the code it is refused with; null when all was there. */
type Try = (bytes: Uint8Array) => Promise<string | null>;

async function codeOf(work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof HactlError)) throw thrown;
    expect(thrown.next).toBeTruthy();
    return thrown.code;
  }
}

/** A whole start: LevelDB's own checks and repairs matter here. */
function tryDatabaseFile(file: string, place: string): Try {
  return async (bytes) => {
    const directory = await variant(place, file, bytes);
    const code = await codeOf(async () => {
      const { store } = await openStore(directory, expected);
      try {
        expect(await store.open()).toEqual(written);
      } finally {
        await store.close();
      }
    });
    await rm(directory, { recursive: true, force: true });
    return code;
  };
}

/** The reading and the audit of a start, beside a database that stays open: it does not see the marker. */
async function tryMarker(): Promise<{ attempt: Try; database: Database }> {
  const directory = await variant('marker', 'marker', await readFile(join(original, 'marker')));
  const database = await openDatabase(directory);
  return { database, attempt: async (bytes) => {
    await writeFile(join(directory, 'marker'), bytes);
    const { marker, raw, audit } = await readStore(directory, database);
    await marker?.close();
    if (audit.kind === 'faulted') return 'store-faulted';
    const { snapshot, entries, cutFrom } = audit;
    const { hardState, base, ...log } = written;
    expect({ snapshot, entries, cutFrom }).toEqual({ ...log, cutFrom: null });
    expect(raw.state).toMatchObject({ hardState, base });
    return null;
  } };
}

/** meta.json is read before anything else is opened, and says which store this is. */
async function tryMeta(): Promise<Try> {
  const directory = await variant('meta', 'meta.json', await readFile(join(original, 'meta.json')));
  return async (bytes) => {
    await writeFile(join(directory, 'meta.json'), bytes);
    return codeOf(async () => {
      expect((await openStore(directory, expected)).meta).toEqual(meta);
    });
  };
}

const placesAtOnce = 4;

/** Runs the changes of all files, a few beside each other. */
async function tryAll(
  changesOf: (file: string, bytes: Buffer) => readonly { readonly what: string; readonly bytes: Uint8Array }[],
  judge: (file: string, what: string, code: string | null) => void,
): Promise<void> {
  const { attempt, database } = await tryMarker();
  const metaAttempt = await tryMeta();
  for (const file of files) {
    const changes = [...changesOf(file, await readFile(join(original, file)))];
    const isDatabase = dirname(file) === 'log';
    await Promise.all(Array.from({ length: isDatabase ? placesAtOnce : 1 }, async (_, place) => {
      const attemptHere = isDatabase
        ? tryDatabaseFile(file, `changed-${place}`)
        : file === 'marker' ? attempt : metaAttempt;
      for (let change = changes.shift(); change !== undefined; change = changes.shift()) {
        const { what, bytes } = change;
        judge(file, what, await attemptHere(bytes).catch((thrown: unknown) => {
          throw new Error(`${file}, ${what}`, { cause: thrown });
        }));
      }
    }));
  }
  await database.close();
  await rm(join(parent, 'marker'), { recursive: true });
  await rm(join(parent, 'meta'), { recursive: true });
}

function flipped(bytes: Buffer, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 0xff;
  return changed;
}

describe('a store with', () => {
  it('any one byte flipped is refused, or gives back all that was acknowledged', { timeout: 120_000 }, async () => {
    const tally: Record<string, number> = {};
    // The marker's two pages are almost all padding: every byte that means something, and one of each other kind.
    const isPadding = (file: string, at: number): boolean => file === 'marker' && at % 4096 > 300 && at % 512 !== 0;
    await tryAll(
      (file, bytes) => [...bytes.keys()].filter((at) => !isPadding(file, at))
        .map((at) => ({ what: `byte ${at}`, bytes: flipped(bytes, at) })),
      (file, _what, code) => {
        const what = `${file.startsWith('log') ? 'log' : file}: ${code ?? 'all there'}`;
        tally[what] = (tally[what] ?? 0) + 1;
      },
    );
    process.stdout.write(`  figure: flips ${JSON.stringify(tally)}\n`);
    const refused = Object.entries(tally).filter(([what]) => !what.endsWith('all there'));
    expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(500);
    // A damaged slot of the marker leaves the other one, which is a write behind: LevelDB has that write whole.
    expect(Object.keys(tally)).toEqual(expect.arrayContaining([
      'log: store-faulted', 'log: all there', 'marker: all there', 'meta.json: store-faulted',
    ]));
  });

  it('any file cut short is refused, or gives back all that was acknowledged', { timeout: 60_000 }, async () => {
    await tryAll(
      (_file, bytes) => [0, 0.3, 0.6, 0.9].map((part) => Math.floor(bytes.length * part))
        .map((keep) => ({ what: `cut to ${keep}`, bytes: bytes.subarray(0, keep) })),
      (file, what, code) => expect([null, 'store-faulted', 'refused'], `${file} ${what}`).toContain(code),
    );
  });
});
