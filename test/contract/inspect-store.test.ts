import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUnacknowledged, clusterId, damageEntry, factsOf, holdOpen, survivor, writeStore } from './stores.js';
import { managerId } from '../../src/base/index.js';
import { initStore, inspectStore, openStore } from '../../src/raft/index.js';
import { inspectLocked } from '../../src/raft/inspect-store.js';
import { withStoreLock } from '../../src/raft/store-lock.js';

let parent = '';
let directory = '';
let temporaryBefore: readonly string[] = [];

const ourTemporary = async (): Promise<readonly string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('hactl-store-'));

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'hactl-look-'));
  directory = join(parent, 'data');
  await writeStore(directory);
  temporaryBefore = await ourTemporary();
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

describe('a look into a store', () => {
  it('tells who and what it is, and changes not one byte, time or file of it', async () => {
    const before = await factsOf(directory);
    const inspection = await inspectStore(directory, { managerId: survivor, clusterId });
    expect(await factsOf(directory)).toEqual(before);
    expect(before.size).toBeGreaterThan(6);
    expect(inspection).toMatchObject({
      meta: { clusterId, managerId: 'm1', lineage: null },
      verdict: { kind: 'sound' },
      generation: 4,
      marked: { generation: 4, lastIndex: 6 },
      hardState: { term: 3, votedFor: 'm2', commitIndex: 5 },
      base: { index: 1, term: 1 },
      snapshot: { index: 3, term: 1 },
      broken: null,
    });
    expect(inspection.entries.map(({ index, payload }) => `${index} ${payload.kind}`)).toEqual([
      '2 command', '3 command', '4 membership', '5 command', '6 command',
    ]);
    expect(inspection.entryBytes).toBeGreaterThan(100);
  });

  it('sees through a relative path and a trailing slash, and leaves nothing among the temporary files', async () => {
    expect((await inspectStore(`${directory}/`, null)).verdict).toEqual({ kind: 'sound' });
    const faulted = join(parent, 'faulted');
    await cp(directory, faulted, { recursive: true });
    await damageEntry(faulted, 5);
    expect((await inspectStore(faulted, null)).verdict.kind).toBe('faulted');
    // Others may run at the same time: only what is ours and new counts, once they are gone.
    const left = (await ourTemporary()).filter((name) => !temporaryBefore.includes(name));
    expect(left).toEqual([]);
  });

  it('is refused while another process has it open, without touching it', async () => {
    const stop = await holdOpen(directory);
    try {
      const before = await factsOf(directory);
      await expect(inspectStore(directory, null)).rejects.toThrow('another process holds its lock');
      expect(await factsOf(directory)).toEqual(before);
    } finally {
      await stop();
    }
    expect((await inspectStore(directory, null)).verdict.kind).toBe('sound');
  });

  it('keeps a manager from starting meanwhile', async () => {
    const before = await factsOf(directory);
    await withStoreLock(directory, async () => {
      // A whole look, because whoever opens and closes the lock file gives the lock up.
      await inspectLocked(directory, null);
      await expect(holdOpen(directory)).rejects.toThrow('is in use');
    });
    // LevelDB renames its own text log before it asks for the lock; what it holds has not changed.
    const held = (facts: typeof before) => [...facts].filter(([name]) => !/LOG|^\.$|^log$/.test(name));
    expect(held(await factsOf(directory))).toEqual(held(before));
  }, 30_000);
});

describe('the verdict on a store is that of a start', () => {
  async function startSays(): Promise<string> {
    const copy = join(parent, 'started');
    await cp(directory, copy, { recursive: true });
    try {
      const { store } = await openStore(copy, { managerId: survivor, clusterId });
      const { entries } = await store.open();
      await store.close();
      return `starts with ${entries.length} entries`;
    } catch (thrown) {
      return (thrown as Error).message;
    }
  }

  it('when the last write was torn and never acknowledged', async () => {
    await addUnacknowledged(directory, 7);
    const inspection = await inspectStore(directory, null);
    expect(inspection.verdict).toEqual({ kind: 'cut', from: 7, count: 2 });
    expect(inspection.entries).toHaveLength(5);
    expect(await startSays()).toBe('starts with 5 entries');
  });

  it('when an acknowledged entry is damaged: what comes before it can still be read', async () => {
    await damageEntry(directory, 5);
    const { verdict, entries, broken, snapshot } = await inspectStore(directory, null);
    expect(verdict).toEqual({ kind: 'faulted', why: 'entry 5 has a wrong checksum' });
    expect(await startSays()).toContain('entry 5 has a wrong checksum');
    expect(entries.map((entry) => entry.index)).toEqual([2, 3, 4]);
    expect(broken).toEqual({ index: 5, why: 'has a wrong checksum' });
    expect(snapshot?.index).toBe(3);
  });

  it.each([
    ['meta.json', 'meta.json cannot be read'],
    ['marker', 'the marker is damaged'],
  ])('when %s is damaged: the whole log can still be read', async (name, why) => {
    await writeFile(join(directory, name), 'rubbish');
    const { verdict, entries } = await inspectStore(directory, null);
    expect(verdict).toMatchObject({ kind: 'faulted', why: expect.stringContaining(why) as string });
    expect(await startSays()).toContain(why);
    expect(entries).toHaveLength(5);
  });

  it.each(['log', 'marker'])('when %s is gone', async (name) => {
    await rm(join(directory, name), { recursive: true });
    const { verdict } = await inspectStore(directory, null);
    expect(verdict).toEqual({ kind: 'faulted', why: `${name} is gone` });
    expect(await startSays()).toContain(`${name} is gone`);
  });

  it('when there is none, or it is another manager\'s', async () => {
    await expect(inspectStore(join(parent, 'nowhere'), null)).rejects.toMatchObject({ code: 'store-missing' });
    const other = { managerId: managerId('m2') };
    await expect(inspectStore(directory, other)).rejects.toMatchObject({ code: 'refused' });
  });

  it('when it has never run', async () => {
    const fresh = join(parent, 'fresh');
    await initStore(fresh, { clusterId, managerId: survivor, voters: [survivor] });
    const { verdict, entries, generation } = await inspectStore(fresh, null);
    expect([verdict.kind, entries.length, generation]).toEqual(['sound', 0, 0]);
  });
});
