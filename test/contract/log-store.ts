/**
 * What every LogStore must do, run against each implementation. The suite is a function: the test beside an
 * implementation calls it with a way to make an empty store and to open the same one again.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { logIndex, managerId, term } from '../../src/base/index.js';
import { bootstrapMembership } from '../../src/raft/index.js';
import type {
  HardState, LogBase, LogStore, RestoredStore, Snapshot, StoredEntry, StoreWrite,
} from '../../src/raft/index.js';
import { emptyBase } from '../../src/raft/core/index.js';

export interface StoreUnderTest {
  /** A store object on the same, lasting data; the former one was closed. */
  reopen(): Promise<LogStore>;
  remove(): Promise<void>;
}

export function commandEntry(index: number, inTerm: number, text = `command ${index}`): StoredEntry {
  return {
    index: logIndex(index),
    term: term(inTerm),
    timeMs: 1_700_000_000_000 + index,
    payload: {
      kind: 'command',
      session: { id: 'session-1', serial: index },
      command: new Uint8Array(Buffer.from(text)),
    },
  };
}

export function noOpEntry(index: number, inTerm: number): StoredEntry {
  return { index: logIndex(index), term: term(inTerm), timeMs: index, payload: { kind: 'no-op' } };
}

export function hardStateOf(inTerm: number, votedFor: string | null, commitIndex = 0): HardState {
  return {
    term: term(inTerm),
    votedFor: votedFor === null ? null : managerId(votedFor),
    commitIndex: logIndex(commitIndex),
  };
}

export function writeOf(parts: Partial<StoreWrite>): StoreWrite {
  const nothing = { hardState: null, snapshot: null, replacesLog: false, compactTo: null, truncateFrom: null };
  return { ...nothing, entries: [], ...parts };
}

function storedOf(parts: Partial<RestoredStore>): RestoredStore {
  return { hardState: hardStateOf(0, null), snapshot: null, base: emptyBase, entries: [], ...parts };
}

/** As after the entries that `commandEntry(index, inTerm)` makes. */
export function snapshotOf(index: number, inTerm: number, text = 'state'): Snapshot {
  const membership = bootstrapMembership(['m1', 'm2'].map(managerId));
  const data = new TextEncoder().encode(text);
  return { index: logIndex(index), term: term(inTerm), timeMs: 1_700_000_000_000 + index, membership, data };
}

export const baseOf = ({ index, term: atTerm, timeMs }: LogBase): LogBase => ({ index, term: atTerm, timeMs });

export function logStoreContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a log store`, () => {
    let underTest: StoreUnderTest | null = null;
    let current: LogStore | null = null;

    const reopen = async (): Promise<LogStore> => {
      await current?.close();
      underTest ??= await make();
      current = await underTest.reopen();
      return current;
    };

    afterEach(async () => {
      await current?.close();
      await underTest?.remove();
      underTest = null;
      current = null;
    });

    keepsWhatWasWritten(reopen);
    truncates(reopen);
    keepsSnapshots(reopen);
    refusesWrites(reopen);
  });
}

type Reopen = () => Promise<LogStore>;

function keepsWhatWasWritten(reopen: Reopen): void {
  it('starts empty, in term 0, without a vote', async () => {
    const store = await reopen();
    expect(await store.open()).toEqual(storedOf({ hardState: hardStateOf(0, null) }));
  });

  it('gives back after a reopen exactly what was written', async () => {
    let store = await reopen();
    await store.open();
    const entries = [noOpEntry(1, 1), commandEntry(2, 1), commandEntry(3, 2)];
    await store.write(writeOf({ hardState: hardStateOf(1, 'm1'), entries: entries.slice(0, 2) }));
    await store.write(writeOf({ hardState: hardStateOf(2, null, 2), entries: entries.slice(2) }));
    store = await reopen();
    expect(await store.open()).toEqual(storedOf({ hardState: hardStateOf(2, null, 2), entries }));
  });

  it('keeps the hard state when a write carries none, and the log when a write carries no entries', async () => {
    let store = await reopen();
    await store.open();
    await store.write(writeOf({ hardState: hardStateOf(3, 'm2') }));
    await store.write(writeOf({ entries: [noOpEntry(1, 3)] }));
    await store.write(writeOf({ hardState: hardStateOf(4, 'm3') }));
    store = await reopen();
    expect(await store.open()).toEqual(storedOf({ hardState: hardStateOf(4, 'm3'), entries: [noOpEntry(1, 3)] }));
  });
}

function truncates(reopen: Reopen): void {
  it('truncates and appends in one write, also to a shorter log', async () => {
    let store = await reopen();
    await store.open();
    const old = [1, 2, 3, 4, 5].map((index) => commandEntry(index, 1));
    await store.write(writeOf({ hardState: hardStateOf(1, null), entries: old }));
    const replaced = commandEntry(3, 2, 'another');
    await store.write(
      writeOf({ hardState: hardStateOf(2, null), truncateFrom: logIndex(3), entries: [replaced] }),
    );
    await store.write(writeOf({ entries: [commandEntry(4, 2)] }));
    store = await reopen();
    const { entries } = await store.open();
    expect(entries).toEqual([old[0], old[1], replaced, commandEntry(4, 2)]);
  });

  it('can be truncated to nothing', async () => {
    let store = await reopen();
    await store.open();
    await store.write(writeOf({ hardState: hardStateOf(1, null), entries: [noOpEntry(1, 1)] }));
    await store.write(writeOf({ truncateFrom: logIndex(1) }));
    store = await reopen();
    expect((await store.open()).entries).toEqual([]);
    await store.write(writeOf({ hardState: hardStateOf(2, null), entries: [noOpEntry(1, 2)] }));
  });
}

function keepsSnapshots(reopen: Reopen): void {
  const five = [1, 2, 3, 4, 5].map((index) => commandEntry(index, 1));

  it('keeps a snapshot, the entries that trail it and those after it', async () => {
    let store = await reopen();
    await store.open();
    const { generation } = store;
    await store.write(writeOf({ hardState: hardStateOf(1, null, 5), entries: five }));
    const snapshot = snapshotOf(4, 1);
    await store.write(writeOf({ snapshot, compactTo: logIndex(2) }));
    await store.write(writeOf({ entries: [commandEntry(6, 2)], hardState: hardStateOf(2, null, 5) }));
    expect(store.generation).toBe(generation + 3);
    store = await reopen();
    const entries = [...five.slice(2), commandEntry(6, 2)];
    const base = { index: 2, term: 1, timeMs: five[1]?.timeMs };
    expect(await store.open()).toEqual({ hardState: hardStateOf(2, null, 5), snapshot, base, entries });
    expect(store.generation).toBe(generation + 3);
    // A second one takes its place; the log may be compacted to nothing, and cut and continued.
    const second = snapshotOf(6, 2, 'later state');
    await store.write(writeOf({ snapshot: second, compactTo: logIndex(6) }));
    await store.write(writeOf({ entries: [commandEntry(7, 2), commandEntry(8, 2)] }));
    const another = { truncateFrom: logIndex(8), entries: [commandEntry(8, 3)] };
    await store.write(writeOf({ ...another, hardState: hardStateOf(3, null) }));
    store = await reopen();
    expect(await store.open()).toMatchObject({
      snapshot: second, base: { index: 6, term: 2 }, entries: [commandEntry(7, 2), commandEntry(8, 3)],
    });
  });

  it("puts a leader's snapshot in the place of the whole log", async () => {
    let store = await reopen();
    await store.open();
    await store.write(writeOf({ hardState: hardStateOf(1, 'm1', 2), entries: five }));
    const snapshot = snapshotOf(9, 3);
    const after = commandEntry(10, 3);
    await store.write(
      writeOf({ hardState: hardStateOf(3, null, 9), snapshot, replacesLog: true, entries: [after] }),
    );
    store = await reopen();
    const hardState = hardStateOf(3, null, 9);
    expect(await store.open()).toEqual({ hardState, snapshot, base: baseOf(snapshot), entries: [after] });
    await store.write(writeOf({ entries: [commandEntry(11, 3)] }));
    store = await reopen();
    expect((await store.open()).entries).toEqual([after, commandEntry(11, 3)]);
  });

  it('keeps a membership', async () => {
    let store = await reopen();
    await store.open();
    const { membership } = snapshotOf(1, 1);
    const entry: StoredEntry = { ...noOpEntry(1, 1), payload: { kind: 'membership', membership } };
    await store.write(writeOf({ hardState: hardStateOf(1, null), entries: [entry] }));
    store = await reopen();
    expect((await store.open()).entries).toEqual([entry]);
  });
}

function refusesWrites(reopen: Reopen): void {
  it('rejects a write that leaves a hole, and every write after a failed one', async () => {
    const store = await reopen();
    await store.open();
    await expect(store.write(writeOf({ entries: [noOpEntry(2, 1)] }))).rejects.toThrow('without a hole');
    await expect(store.write(writeOf({ hardState: hardStateOf(1, null) }))).rejects.toThrow('refuses writes');
  });

  it('rejects writes before open and after close', async () => {
    const store = await reopen();
    await expect(store.write(writeOf({ hardState: hardStateOf(1, null) }))).rejects.toThrow('not open');
    await store.open();
    await store.close();
    await expect(store.write(writeOf({ hardState: hardStateOf(1, null) }))).rejects.toThrow('closed');
  });
}
