import { copyFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandEntry, hardStateOf, logStoreContract, noOpEntry, writeOf } from './log-store.js';
import { HactlError, logIndex, managerId } from '../../src/base/index.js';
import { initStore, openStore, type LevelLogStore, type RestoredStore } from '../../src/raft/index.js';

const identity = { clusterId: 'test-cluster', managerId: managerId('m1'), voters: [managerId('m1')] };

async function openLog(directory: string): Promise<{ store: LevelLogStore; restored: RestoredStore }> {
  const { store } = await openStore(directory, { managerId: identity.managerId });
  return { store, restored: await store.open() };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (thrown === null) return 'no error';
  if (!(thrown instanceof HactlError)) throw thrown as Error;
  expect(thrown.next).toBeTruthy();
  return thrown.code;
}

logStoreContract('the level store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hactl-store-'));
  await initStore(directory, identity);
  return {
    reopen: async () => (await openStore(directory, { managerId: identity.managerId })).store,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
});

describe('the level store, damaged', () => {
  let directory = '';
  const path = (name: string): string => join(directory, name);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hactl-store-'));
    await initStore(directory, identity);
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  /** Three acknowledged writes: entries 1, 2 and 3. */
  async function writeThree(): Promise<void> {
    const { store } = await openLog(directory);
    await store.write(writeOf({ hardState: hardStateOf(1, 'm1'), entries: [noOpEntry(1, 1)] }));
    await store.write(writeOf({ entries: [commandEntry(2, 1)] }));
    await store.write(writeOf({ entries: [commandEntry(3, 1)] }));
    await store.close();
  }

  async function writeFourth(): Promise<void> {
    const { store } = await openLog(directory);
    await store.write(writeOf({ hardState: hardStateOf(2, 'm2'), entries: [commandEntry(4, 2), commandEntry(5, 2)] }));
    await store.close();
  }

  /** LevelDB's own write-ahead file with content in it. */
  async function logFile(): Promise<string> {
    const names = (await readdir(path('log'))).filter((name) => name.endsWith('.log'));
    for (const name of names) if ((await stat(join(path('log'), name))).size > 0) return join(path('log'), name);
    throw new Error('no log file');
  }

  /** Changes records behind the store's back, as rot or a lost block would. */
  async function tamper(change: (database: Level<Uint8Array, Uint8Array>) => Promise<void>): Promise<void> {
    const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const;
    const database = new Level<Uint8Array, Uint8Array>(path('log'), encodings);
    await database.open();
    await change(database);
    await database.close();
  }

  const keyOf = (index: number): Uint8Array => new Uint8Array([0x65, 0, 0, 0, 0, 0, 0, 0, index]);

  async function flipByteOf(index: number): Promise<void> {
    await tamper(async (database) => {
      const value = Uint8Array.from((await database.get(keyOf(index))) ?? []);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      await database.put(keyOf(index), value);
    });
  }

  it('is faulted by one flipped bit in an acknowledged entry', async () => {
    await writeThree();
    await flipByteOf(2);
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('is faulted by a missing acknowledged entry, in the middle and at the end', async () => {
    await writeThree();
    await tamper((database) => database.del(keyOf(3)));
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
    await tamper((database) => database.del(keyOf(1)));
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('is faulted by entries that changed places', async () => {
    await writeThree();
    await tamper(async (database) => {
      const [second, third] = await database.getMany([keyOf(2), keyOf(3)]);
      await database.put(keyOf(2), third ?? new Uint8Array());
      await database.put(keyOf(3), second ?? new Uint8Array());
    });
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('is faulted when LevelDB quietly lost the last acknowledged write', async () => {
    await writeThree();
    const file = await logFile();
    await truncate(file, (await stat(file)).size - 3);
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('is faulted by a flipped bit in LevelDB\'s own file, which LevelDB itself swallows', async () => {
    await writeThree();
    const file = await logFile();
    const bytes = await readFile(file);
    bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1;
    await writeFile(file, bytes);
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('keeps a write that reached the database when the crash came before the marker', async () => {
    await writeThree();
    await copyFile(path('marker'), path('marker.before'));
    await writeFourth();
    await copyFile(path('marker.before'), path('marker'));
    for (const round of ['first', 'second']) {
      const { store, restored } = await openLog(directory);
      await store.close();
      expect(restored.entries.length, round).toBe(5);
      expect(restored.hardState, round).toEqual(hardStateOf(2, 'm2'));
    }
  });

  it('forgets a torn write that was never acknowledged', async () => {
    await writeThree();
    // Open and close, so that the next write goes to a file of its own.
    await (await openLog(directory)).store.close();
    await copyFile(path('marker'), path('marker.before'));
    await writeFourth();
    await copyFile(path('marker.before'), path('marker'));
    const file = await logFile();
    await truncate(file, (await stat(file)).size - 3);
    const { store, restored } = await openLog(directory);
    expect(restored.entries.length).toBe(3);
    expect(restored.hardState).toEqual(hardStateOf(1, 'm1'));
    await store.write(writeOf({ entries: [commandEntry(4, 1)] }));
    await store.close();
    expect((await openLog(directory).then(closed)).entries.length).toBe(4);
  });

  it('cuts damaged entries beyond the marker, keeps the vote, and goes on from there', async () => {
    await writeThree();
    await copyFile(path('marker'), path('marker.before'));
    await writeFourth();
    await copyFile(path('marker.before'), path('marker'));
    await flipByteOf(5);
    const { store, restored } = await openLog(directory);
    expect(restored.entries.length).toBe(4);
    expect(restored.hardState).toEqual(hardStateOf(2, 'm2'));
    await store.write(writeOf({ entries: [commandEntry(5, 2, 'again')] }));
    await store.close();
    expect((await openLog(directory).then(closed)).entries.at(-1)).toEqual(commandEntry(5, 2, 'again'));
  });

  it('is faulted when an unacknowledged truncation replaced acknowledged entries and is damaged', async () => {
    await writeThree();
    await copyFile(path('marker'), path('marker.before'));
    const { store } = await openLog(directory);
    const entries = [commandEntry(2, 2, 'newer'), commandEntry(3, 2, 'newer')];
    await store.write(writeOf({ hardState: hardStateOf(2, null), truncateFrom: logIndex(2), entries }));
    await store.close();
    await copyFile(path('marker.before'), path('marker'));
    await flipByteOf(3);
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('survives one torn marker slot, and is faulted without any', async () => {
    await writeThree();
    const bytes = await readFile(path('marker'));
    // Generation 3 stands in the second slot.
    bytes.fill(0xff, 4096, 4200);
    await writeFile(path('marker'), bytes);
    const { store, restored } = await openLog(directory);
    await store.close();
    expect(restored.entries.length).toBe(3);
    await writeFile(path('marker'), new Uint8Array(8192));
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('is faulted when marker and database are of different times', async () => {
    await copyFile(path('marker'), path('marker.before'));
    await writeThree();
    await copyFile(path('marker.before'), path('marker'));
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
  });

  it('is refused without its database or its marker, and makes neither anew', async () => {
    await writeThree();
    await rm(path('log'), { recursive: true });
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
    expect(await readdir(directory)).not.toContain('log');
    await rm(path('marker'));
    expect(await codeOf(openLog(directory))).toBe('store-faulted');
    await rm(path('meta.json'));
    expect(await codeOf(openLog(directory))).toBe('store-missing');
    expect(await readdir(directory)).toEqual([]);
  });

  it('is refused while another process has it open', async () => {
    const { store } = await openLog(directory);
    expect(await codeOf(openLog(directory))).toBe('refused');
    await store.close();
    expect(await codeOf(openLog(directory).then(closed))).toBe('no error');
  });
});

async function closed(opened: { store: LevelLogStore; restored: RestoredStore }): Promise<RestoredStore> {
  await opened.store.close();
  return opened.restored;
}
