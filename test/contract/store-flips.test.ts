/**
 * Every byte of a small store, flipped in turn: the store is refused, or gives back all that was acknowledged. Never
 * less, never something else. A manager with a hole in its log may have voted for, or counted towards, what it lacks.
 */
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HactlError, logIndex, managerId } from '../../src/base/index.js';
import { initStore, openStore } from '../../src/raft/index.js';
import type { RestoredStore, StoredEntry } from '../../src/raft/index.js';
import { commandEntry, hardStateOf, noOpEntry, snapshotOf, writeOf } from './log-store.js';

const id = managerId('m1');
const voters = ['m1', 'm2', 'm3'].map(managerId);
let parent = '';
let original = '';
let written: RestoredStore;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'hactl-flips-'));
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
  written = await read(await copy('check'));
});

afterAll(() => rm(parent, { recursive: true, force: true }));

async function copy(name: string): Promise<string> {
  const directory = join(parent, name);
  await cp(original, directory, { recursive: true });
  return directory;
}

async function read(directory: string): Promise<RestoredStore> {
  const { store } = await openStore(directory, { managerId: id, clusterId: 'c' });
  try {
    return await store.open();
  } finally {
    await store.close();
  }
}

/** The code it is refused with, or null when everything was there. */
async function codeOf(directory: string): Promise<string | null> {
  try {
    expect(await read(directory)).toEqual(written);
    return null;
  } catch (thrown) {
    if (!(thrown instanceof HactlError)) throw thrown;
    expect(thrown.next).toBeTruthy();
    return thrown.code;
  }
}

async function filesOf(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => ({ name, file: await stat(join(directory, name)) })));
  return sizes.filter(({ file }) => file.isFile() && file.size > 0).map(({ name }) => name).sort();
}

async function withChanged(name: string, change: (bytes: Buffer) => Buffer): Promise<string | null> {
  const directory = await copy('changed');
  try {
    await writeFile(join(directory, name), change(await readFile(join(original, name))));
    return await codeOf(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

describe('a store with', () => {
  it('any one byte flipped is refused, or gives back all that was acknowledged', { timeout: 120_000 }, async () => {
    const tally: Record<string, number> = {};
    for (const name of await filesOf(original)) {
      const { size } = await stat(join(original, name));
      // The marker's two pages are almost all padding: every byte that means something, and one of each other kind.
      const isPadding = (at: number): boolean => name === 'marker' && at % 4096 > 300 && at % 512 !== 0;
      for (let at = 0; at < size; at += 1) {
        if (isPadding(at)) continue;
        const code = await withChanged(name, (bytes) => {
          bytes[at] = (bytes[at] ?? 0) ^ 0xff;
          return bytes;
        }).catch((thrown: unknown) => {
          throw new Error(`${name}, byte ${at}`, { cause: thrown });
        });
        const what = `${name.startsWith('log') ? 'log' : name}: ${code ?? 'all there'}`;
        tally[what] = (tally[what] ?? 0) + 1;
      }
    }
    const refused = Object.entries(tally).filter(([what]) => !what.endsWith('all there'));
    expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(500);
    expect(Object.keys(tally)).toContain('log: store-faulted');
  });

  it('any file cut short is refused, or gives back all that was acknowledged', { timeout: 60_000 }, async () => {
    for (const name of await filesOf(original)) {
      const { size } = await stat(join(original, name));
      for (const part of [0, 0.3, 0.6, 0.9]) {
        const keep = Math.floor(size * part);
        const code = await withChanged(name, (bytes) => bytes.subarray(0, keep));
        expect([null, 'store-faulted', 'refused'], `${name} cut to ${keep}`).toContain(code);
      }
    }
  });
});
