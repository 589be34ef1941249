/**
 * One survivor goes on alone: what it keeps, what it refuses, and what a crash at any of its file operations leaves:
 * the old store, the new one, or one that nobody starts on and that is recovered by trying again.
 */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addUnacknowledged, clusterId, damageEntry, describedTrio, factsOf, holdOpen } from './stores.js';
import { survivor, trio, writeStore } from './stores.js';
import { createPrng, HactlError, managerId } from '../../src/base/index.js';
import {
  bootstrapMembership, createRaftNode, initStore, inspectStore, openStore, recoverStore, wireClusterId,
} from '../../src/raft/index.js';
import type { Membership, RaftNode, RecoveryOutcome, RecoveryPlan, RestoredStore } from '../../src/raft/index.js';

/** How many file operations still succeed; the one after them is half done, and nothing works any more. */
const disk = vi.hoisted(() => ({ left: Infinity, done: 0 }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const passes = (): boolean => {
    if (disk.left > 0) disk.done += 1;
    disk.left -= 1;
    return disk.left >= 0;
  };
  const crash = (): never => {
    throw new Error('the machine crashed');
  };
  type Handle = Awaited<ReturnType<typeof real.open>>;
  const counted = (handle: Handle): Handle =>
    new Proxy(handle, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const method = member.bind(target) as (...args: unknown[]) => Promise<unknown>;
        if (!['write', 'writeFile', 'sync', 'datasync'].includes(String(name))) return method;
        return async (first: unknown, offset?: unknown, length?: unknown, place?: unknown) => {
          if (passes()) return method(first, offset, length, place);
          const isTorn = disk.left === -1;
          if (isTorn && typeof first === 'string') await method(first.slice(0, first.length / 2));
          if (isTorn && typeof length === 'number') await method(first, offset, length / 2, place);
          return crash();
        };
      },
    });
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => (passes() ? counted(await real.open(...args)) : crash()),
    mkdir: async (...args: Parameters<typeof real.mkdir>) => (passes() ? real.mkdir(...args) : crash()),
    copyFile: async (...args: Parameters<typeof real.copyFile>) => (passes() ? real.copyFile(...args) : crash()),
    rename: async (...args: Parameters<typeof real.rename>) => (passes() ? real.rename(...args) : crash()),
  };
});

const own = { rpc: 'm1.example:7400', http: 'm1.example:7401', reducerMax: 1 };
const firstMs = Date.UTC(2026, 0, 10, 12);
let parent = '';
let directory = '';
let nowMs = firstMs;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'hactl-recover-'));
  directory = join(parent, 'data');
  nowMs = firstMs;
  await writeStore(directory);
});

afterEach(async () => {
  disk.left = Infinity;
  await rm(parent, { recursive: true, force: true });
});

async function recover(agree: (plan: RecoveryPlan) => Promise<boolean> = async () => true): Promise<RecoveryOutcome> {
  // Another second, as when a person tries again.
  nowMs += 1000;
  return recoverStore({ directory, clusterId, managerId: survivor, own, nowMs, agree });
}

async function recovered(): Promise<Extract<RecoveryOutcome, { kind: 'recovered' }>> {
  const outcome = await recover();
  if (outcome.kind !== 'recovered') throw new Error(outcome.kind);
  return outcome;
}

async function read(from: string): Promise<{ restored: RestoredStore; lineage: string | null; storeId: string }> {
  const { meta, store } = await openStore(from, { managerId: survivor, clusterId });
  const restored = await store.open();
  await store.close();
  return { restored, lineage: meta.lineage, storeId: meta.storeId };
}

function membershipsOf({ snapshot, entries }: RestoredStore): Membership[] {
  const found = entries.flatMap(({ payload }) => (payload.kind === 'membership' ? [payload.membership] : []));
  return snapshot === null ? found : [snapshot.membership, ...found];
}

const commandsOf = ({ entries }: RestoredStore) => entries.filter(({ payload }) => payload.kind === 'command');

/** What the recovered store must hold, whatever happened on the way there. */
async function expectRecovered(old: RestoredStore): Promise<void> {
  const { restored, lineage, storeId } = await read(directory);
  expect(lineage).toMatch(/^20260110-[0-9a-f]{8}$/);
  expect(commandsOf(restored)).toEqual(commandsOf(old));
  expect(restored.entries.slice(0, -1).map(({ index, term, timeMs }) => [index, term, timeMs]))
    .toEqual(old.entries.map(({ index, term, timeMs }) => [index, term, timeMs]));
  expect(restored.snapshot?.data).toEqual(old.snapshot?.data);
  expect(restored.base).toEqual(old.base);
  expect(restored.hardState).toEqual({ term: 4, votedFor: 'm1', commitIndex: 7 });
  const alone = { voters: [{ id: 'm1', ...own, storeId, replaces: null }], learners: [], removed: ['m2', 'm3'] };
  expect(membershipsOf(restored)).toEqual([alone, alone, alone]);
}

describe('a recovery from a lost quorum', () => {
  it('is refused to another user than the owner, root too, before anything is asked or written', async () => {
    vi.spyOn(process, 'geteuid').mockReturnValue((process.geteuid?.() ?? 0) + 1);
    const before = await readdir(parent);
    const refused = { code: 'refused', what: expect.stringMatching(/belongs to another user/) as string };
    await expect(recover(() => Promise.reject(new Error('asked')))).rejects.toMatchObject(refused);
    expect(await readdir(parent)).toEqual(before);
  });

  it('keeps the whole log as committed, with one voter wherever a membership stood', async () => {
    const old = (await read(directory)).restored;
    expect(membershipsOf(old)).toEqual([describedTrio, describedTrio]);
    const outcome = await recovered();
    expect(outcome.plan).toMatchObject({
      clusterId, managerId: 'm1', lineage: null, lastTerm: 3, lastIndex: 6, commitIndex: 5, cutCount: 0, members: trio,
      isResumed: false, copy: `${directory}.before-recover-20260110T120001Z`,
    });
    expect(outcome).toMatchObject({ lastIndex: 7, term: 4 });
    await expectRecovered(old);
    expect((await inspectStore(directory, null)).verdict).toEqual({ kind: 'sound' });
  });

  it('keeps the old store beside it, whole', async () => {
    const old = await read(directory);
    const { plan, lineage, storeId } = await recovered();
    expect(await read(plan.copy)).toEqual(old);
    expect([lineage, storeId]).not.toContain(old.lineage);
    expect(storeId).not.toBe(old.storeId);
    expect((await readdir(parent)).sort()).toEqual(['data', 'data.before-recover-20260110T120001Z']);
  });

  it('makes managers of before strangers, and two recovered survivors strangers to each other', async () => {
    const { meta: before } = await openStore(directory, { managerId: survivor });
    const other = join(parent, 'other');
    await cp(directory, other, { recursive: true });
    await recovered();
    const { meta: after } = await openStore(directory, { managerId: survivor });
    expect(wireClusterId(before)).toBe('prod');
    expect(wireClusterId(after)).toBe(`prod#${after.lineage}`);
    directory = other;
    await recovered();
    expect(wireClusterId((await openStore(other, { managerId: survivor })).meta)).not.toBe(wireClusterId(after));
  });

  it('does nothing when it is run again', async () => {
    await recovered();
    const before = await factsOf(directory);
    const { lineage } = await read(directory);
    const again = await recover(() => Promise.reject(new Error('asked')));
    expect(again).toMatchObject({ kind: 'nothing-to-do', plan: { lineage } });
    expect((await factsOf(directory)).get('meta.json')).toEqual(before.get('meta.json'));
    expect((await readdir(parent)).sort()).toHaveLength(2);
  });

  it('changes nothing when the person says no', async () => {
    const before = await factsOf(directory);
    expect((await recover(async () => false)).kind).toBe('declined');
    expect(await factsOf(directory)).toEqual(before);
    expect(await readdir(parent)).toEqual(['data']);
  });

  it('cuts what was never acknowledged, and says how much that is', async () => {
    await addUnacknowledged(directory, 7);
    const { plan, lastIndex } = await recovered();
    expect([plan.cutCount, plan.lastIndex, lastIndex]).toEqual([2, 6, 7]);
  });
});

describe('a recovery is refused', () => {
  async function codeOf(work: Promise<unknown>): Promise<string> {
    const thrown: unknown = await work.then(() => null, (error: unknown) => error);
    if (!(thrown instanceof HactlError)) throw new Error(`not refused: ${String(thrown)}`);
    expect(thrown.next).toBeTruthy();
    return `${thrown.code}: ${thrown.message}`;
  }

  it('on the store of a running manager', async () => {
    const stop = await holdOpen(directory);
    expect(await codeOf(recover())).toContain('refused: ');
    await stop();
    expect((await read(directory)).lineage).toBeNull();
  });

  it('on a faulted store', async () => {
    await damageEntry(directory, 5);
    expect(await codeOf(recover())).toMatch(/^store-faulted: .*entry 5 has a wrong checksum/);
    expect(await readdir(parent)).toEqual(['data']);
  });

  it('with another cluster id', async () => {
    const options = { directory, managerId: survivor, own, nowMs, agree: async () => true };
    expect(await codeOf(recoverStore({ ...options, clusterId: 'staging' }))).toContain('refused: ');
  });

  it.each([
    ['has never run', ['m1', 'm2', 'm3']],
    ['was made to join and was never told anything', []],
  ])('on a store that %s', async (_what, voters) => {
    directory = join(parent, 'fresh');
    await initStore(directory, { clusterId, managerId: survivor, voters: voters.map(managerId) });
    expect(await codeOf(recover())).toMatch(/^refused: .*never been a member/);
  });

  it('when the copy cannot be kept', async () => {
    await initStore(`${directory}.before-recover-20260110T120001Z.unfinished`, { clusterId, managerId: survivor,
      voters: [] });
    expect(await codeOf(recover())).toMatch(/^refused: a copy of the store cannot be kept/);
    expect((await read(directory)).lineage).toBeNull();
  });
});

describe('a recovery that crashes', () => {
  /** What a start finds: `old` or `new` whole, or `refused` with the sentence that says what to do. */
  async function startFinds(old: RestoredStore): Promise<'old' | 'new' | 'refused'> {
    const copy = join(parent, 'started');
    await cp(directory, copy, { recursive: true });
    try {
      const { restored, lineage } = await read(copy);
      if (lineage !== null) return 'new';
      expect(restored).toEqual(old);
      return 'old';
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'refused', what: expect.stringContaining('not finished') as string });
      expect((thrown as HactlError).next).toContain('managers recover');
      return 'refused';
    } finally {
      await rm(copy, { recursive: true });
    }
  }

  it('at any file operation leaves a store that is old, new, or refused; and is done by trying again', async () => {
    const original = directory;
    const old = (await read(original)).restored;
    const found: string[] = [];
    for (let at = 0; ; at += 1) {
      directory = join(parent, `try-${at}`, 'data');
      await cp(original, directory, { recursive: true });
      Object.assign(disk, { left: at, done: 0 });
      const thrown: unknown = await recover().then(() => null, (error: unknown) => error);
      disk.left = Infinity;
      if (thrown === null) break;
      expect(disk.done, 'the crash came where it should').toBe(at);
      const finds = await startFinds(old);
      found.push(finds);
      const again = await recover();
      expect(again.kind).toBe(finds === 'new' ? 'nothing-to-do' : 'recovered');
      if (again.kind === 'recovered') expect(again.plan.isResumed).toBe(finds === 'refused');
      await expectRecovered(old);
      if (again.plan.isResumed) expect((await read(again.plan.copy)).restored).toEqual(old);
    }
    const turns = found.filter((finds, at) => finds !== found[at - 1]);
    expect(turns).toEqual(['old', 'refused', 'new']);
    expect(found.length).toBeGreaterThan(30);
  }, 120_000);
});

describe('a manager that starts on a recovered store', () => {
  it('leads alone at once, has applied everything, and takes new commands', async () => {
    await recovered();
    const { meta, store } = await openStore(directory, { managerId: survivor, clusterId });
    const texts: string[] = [];
    const sent: string[] = [];
    const node: RaftNode = createRaftNode({
      id: survivor,
      bootstrap: bootstrapMembership(meta.voters),
      store,
      transport: { send: (to) => void sent.push(to), onMessage: () => undefined },
      stateMachine: {
        apply: ({ command }) => texts.push(new TextDecoder().decode(command)),
        snapshot: () => [...texts],
        restore: (data) => texts.splice(0, Infinity, ...(data as string[])),
      },
      electionTimeoutMs: 200,
      prng: createPrng(1),
      clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
      log: () => undefined,
    });
    try {
      await node.start();
      await vi.waitFor(() => expect(node.status().role).toBe('leader'), { timeout: 10_000, interval: 10 });
      expect(await node.proveLeadership(5000)).toMatchObject({ kind: 'leader', term: 5 });
      const proposed = await node.propose(new TextEncoder().encode('after'), { id: 'test', serial: 1 }, 5000);
      expect(proposed).toMatchObject({ kind: 'applied', index: 9, term: 5 });
      expect(texts).toEqual(['command 1', 'command 2', 'command 3', 'command 5', 'command 6', 'after']);
      expect(node.status()).toMatchObject({ voters: ['m1'], membership: { removed: ['m2', 'm3'] } });
      expect(sent).toEqual([]);
    } finally {
      await node.stop();
    }
  });
});
