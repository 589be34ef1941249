import { afterEach, describe, expect, it, vi } from 'vitest';
import { createPrng, logIndex, managerId, term, type ManagerId } from '../base/index.js';
import { bootstrapMembership, unknownMember, type Message } from './core/index.js';
import { createRaftNode, MemoryLogStore, type AppliedEntry, type RaftNode, type StoreWrite } from './index.js';
import type { RaftNodeOptions } from './index.js';

const [m1, m2] = [managerId('m1'), managerId('m2')];
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Writes wait until they are let through; it counts them. */
class SlowStore extends MemoryLogStore {
  readonly batches: StoreWrite[] = [];
  #gate: Promise<void> = Promise.resolve();
  #openGate: () => void = () => undefined;

  hold(): void {
    this.#gate = new Promise((resolve) => (this.#openGate = resolve));
  }

  release(): void {
    this.#openGate();
  }

  override async write(batch: StoreWrite): Promise<void> {
    this.batches.push(batch);
    await this.#gate;
    await super.write(batch);
  }
}

interface Rig {
  readonly events: string[];
  readonly node: RaftNode;
  readonly store: SlowStore;
  readonly applied: string[];
  readonly sent: [ManagerId, Message][];
  readonly receive: (from: ManagerId, message: Message) => void;
}

async function startRig(
  voters: readonly ManagerId[],
  apply?: (entry: AppliedEntry) => unknown,
  monotonicMs = (): number => performance.now(),
  limits: NonNullable<RaftNodeOptions['limits']> = {},
  store = new SlowStore(),
): Promise<Rig> {
  const events: string[] = [];
  const applied: string[] = [];
  const sent: [ManagerId, Message][] = [];
  let receive: Rig['receive'] = () => undefined;
  const node = createRaftNode({
    id: m1,
    bootstrap: bootstrapMembership(voters),
    store,
    transport: {
      send: (to, message) => sent.push([to, message]),
      onMessage: (listener) => {
        receive = listener;
      },
    },
    stateMachine: {
      apply: (entry) => {
        applied.push(new TextDecoder().decode(entry.command));
        return apply === undefined ? applied.length : apply(entry);
      },
      snapshot: () => [...applied],
      restore: (data) => applied.splice(0, Infinity, ...(data as string[])),
    },
    tickMs: 5,
    electionTimeoutMs: 50,
    heartbeatMs: 10,
    prng: createPrng(7),
    clock: { monotonicMs, wallMs: () => 1_700_000_000_000 },
    limits,
    log: (event) => events.push(event),
  });
  cleanups.push(() => {
    store.release();
    return node.stop();
  });
  await node.start();
  return { events, node, store, applied, sent, receive: (from, message) => receive(from, message) };
}

const command = (text: string): Uint8Array => new TextEncoder().encode(text);
const session = (serial: number) => ({ id: 'test', serial });
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 2 });
const leads = (node: RaftNode): Promise<void> => until(() => expect(node.status().role).toBe('leader'));

describe('the driver', () => {
  it('answers a proposal with what the state machine said, and a retried one with the same', async () => {
    const { node, applied } = await startRig([m1]);
    await leads(node);
    const first = await node.propose(command('a'), session(1), 1000);
    expect(first).toMatchObject({ kind: 'applied', result: 1 });
    expect(await node.propose(command('a'), session(1), 1000)).toMatchObject({ kind: 'applied', result: 1 });
    expect(applied).toEqual(['a']);
  });

  it('answers nothing before the write is durable', async () => {
    const { node, store, applied } = await startRig([m1]);
    await leads(node);
    await until(() => expect(node.status().appliedIndex).toBe(1));
    store.hold();
    expect(await node.propose(command('a'), session(1), 60)).toMatchObject({ kind: 'unknown' });
    expect(applied).toEqual([]);
    store.release();
    await until(() => expect(applied).toEqual(['a']));
  });

  it('gathers proposals that come while a write is under way into the next one', async () => {
    const { node, store, applied } = await startRig([m1]);
    await leads(node);
    await until(() => expect(node.status().appliedIndex).toBe(1));
    store.hold();
    const before = store.batches.length;
    const propose = (n: number) => node.propose(command(`${n}`), session(n), 5000);
    const first = propose(1);
    await until(() => expect(store.batches.length - before).toBe(1));
    const outcomes = [first, ...Array.from({ length: 49 }, (_, n) => propose(n + 2))];
    store.release();
    for (const outcome of await Promise.all(outcomes)) expect(outcome.kind).toBe('applied');
    expect(store.batches.length - before).toBe(2);
    expect(applied).toHaveLength(50);
  });

  it('writes proposals that come in one turn of the event loop at once', async () => {
    const { node, store } = await startRig([m1]);
    await leads(node);
    await until(() => expect(node.status().appliedIndex).toBe(1));
    const before = store.batches.length;
    const outcomes = Array.from({ length: 50 }, (_, n) => node.propose(command(`${n}`), session(n + 1), 5000));
    for (const outcome of await Promise.all(outcomes)) expect(outcome.kind).toBe('applied');
    expect(store.batches.length - before).toBe(1);
  });

  it('holds a vote back until it is on the disk', async () => {
    const { store, sent, receive } = await startRig([m1, m2]);
    store.hold();
    const last = { lastIndex: logIndex(0), lastTerm: term(0) };
    const request = { kind: 'vote-request', term: term(9), ...last, isTransfer: false } as const;
    receive(m2, request);
    const votes = () => sent.filter(([, { kind }]) => kind === 'vote-response');
    await until(() => expect(store.batches.at(-1)?.hardState).toMatchObject({ term: 9, votedFor: m2 }));
    expect(votes()).toEqual([]);
    store.release();
    await until(() => expect(votes()).toEqual([[m2, expect.objectContaining({ term: 9, granted: true })]]));
  });

  it('does not give up a leader it has just heard because it slept before', async () => {
    let nowMs = 0;
    const { node, events, receive } = await startRig([m1, m2], undefined, () => nowMs);
    const zero = { prevIndex: logIndex(0), prevTerm: term(0), commitIndex: logIndex(0) };
    receive(m2, { kind: 'append-request', term: term(1), ...zero, readRound: 0, entries: [] });
    // Four pauses age the heartbeat by one interval each: 4 x 10 ms stay below the timeout of 50 ms.
    for (let pause = 1; pause <= 4; pause += 1) {
      nowMs += 60_000;
      await until(() => expect(events.filter((event) => event === 'ticks-late')).toHaveLength(pause));
    }
    expect(node.status()).toMatchObject({ role: 'follower', leader: m2 });
  });

  it('proves leadership when alone, and refuses without it', async () => {
    const alone = await startRig([m1]);
    await leads(alone.node);
    expect(await alone.node.proveLeadership(1000)).toMatchObject({ kind: 'leader', term: alone.node.status().term });
    const lonely = await startRig([m1, m2]);
    expect(await lonely.node.proveLeadership(1000)).toEqual({ kind: 'not-leader', leader: null });
    const outcome = await lonely.node.propose(command('a'), session(1), 1000);
    expect(outcome).toEqual({ kind: 'not-leader', leader: null });
  });

  it('halts for good when a write fails', async () => {
    const { node, store, sent } = await startRig([m1]);
    await leads(node);
    store.failNextWrite('no space left');
    const outcome = await node.propose(command('a'), session(1), 5000);
    expect(outcome).toMatchObject({ kind: 'unknown' });
    expect(await node.halted).toContain('no space left');
    expect(await node.propose(command('b'), session(2), 1000)).toMatchObject({ kind: 'dropped' });
    const { length } = sent;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sent).toHaveLength(length);
  });

  it('halts when the state machine throws', async () => {
    const { node } = await startRig([m1], () => {
      throw new Error('cannot apply');
    });
    await leads(node);
    void node.propose(command('a'), session(1), 1000);
    expect(await node.halted).toContain('cannot apply');
  });

  it('tells listeners about roles and applied entries until they unsubscribe', async () => {
    const { node } = await startRig([m1]);
    const seen: number[] = [];
    const unsubscribe = node.onApplied((index) => seen.push(index));
    const roles: string[] = [];
    node.onRoleChange(({ role }) => roles.push(role));
    await leads(node);
    await node.propose(command('a'), session(1), 1000);
    unsubscribe();
    await node.propose(command('b'), session(2), 1000);
    expect(seen).toEqual([1, 2]);
    expect(roles.at(-1)).toBe('leader');
  });

  it('refuses what is too large and what comes from no valid session', async () => {
    const { node } = await startRig([m1]);
    await leads(node);
    const large = await node.propose(new Uint8Array(600_000), session(1), 1000);
    expect(large).toEqual({ kind: 'dropped', reason: 'too-large', isPassing: false });
    const nameless = await node.propose(command('a'), { id: 'x'.repeat(300), serial: 1 }, 1000);
    expect(nameless).toMatchObject({ kind: 'dropped' });
  });

  it('ends what waits when it is stopped', async () => {
    const { node, store } = await startRig([m1]);
    await leads(node);
    store.hold();
    const proposal = node.propose(command('a'), session(1), 60_000);
    const stopped = node.stop();
    store.release();
    expect(await proposal).toMatchObject({ kind: 'unknown' });
    await stopped;
  });
});

describe('a driver with snapshots and others', () => {
  it('takes snapshots, and starts again from one with what was applied', async () => {
    const limits = { snapshotEntries: 5, trailingEntries: 2 };
    const { node, store, applied } = await startRig([m1], undefined, undefined, limits);
    await until(() => expect(node.status().role).toBe('leader'));
    for (let serial = 1; serial <= 12; serial += 1) {
      await node.propose(new TextEncoder().encode(`c${serial}`), { id: 's', serial }, 1000);
    }
    await until(() => expect(store.batches.at(-1)?.compactTo).not.toBe(undefined));
    expect(node.status().snapshotIndex).toBeGreaterThanOrEqual(10);
    await node.stop();
    const again = await startRig([m1], undefined, undefined, {}, store);
    expect(again.applied.length).toBeGreaterThanOrEqual(9);
    await until(() => expect(again.applied).toEqual(applied));
    await until(() => expect(again.node.status().role).toBe('leader'));
    // The sessions came with the snapshot: a repeated request does not run again.
    const repeated = await again.node.propose(new TextEncoder().encode('c12'), { id: 's', serial: 12 }, 1000);
    expect(repeated).toMatchObject({ kind: 'applied', result: 12 });
    expect(again.applied).toEqual(applied);
  });

  it('changes the membership, and says why it will not', async () => {
    const { node } = await startRig([m1]);
    // Before it has committed something of its own term, a leader changes nothing.
    await until(() => expect(node.status().commitIndex).toBeGreaterThan(0));
    const seen: [number, boolean][] = [];
    node.onMembership(({ learners }, isCommitted) => seen.push([learners.length, isCommitted]));
    const learner = { ...unknownMember(m2), then: 'stay' as const };
    const outcome = await node.changeMembership({ kind: 'add', learner }, 1000);
    expect(outcome).toMatchObject({ kind: 'applied' });
    expect(node.status().membership.learners).toEqual([learner]);
    await until(() => expect(seen).toEqual([[1, false], [1, true]]));
    expect(await node.changeMembership({ kind: 'add', learner }, 1000))
      .toEqual({ kind: 'dropped', reason: 'm2 is a manager already', isPassing: false });
  });

  it('refuses to hand over to nobody, and leads on', async () => {
    const { node } = await startRig([m1]);
    await until(() => expect(node.status().role).toBe('leader'));
    expect(await node.transferLeadership(null, 1000)).toMatchObject({ kind: 'refused' });
    expect(await node.transferLeadership(m2, 1000)).toMatchObject({ kind: 'refused', reason: 'm2 is not a voter' });
    expect(node.status().role).toBe('leader');
  });

  it('takes only what is urgent while the disk is almost full', async () => {
    const { node } = await startRig([m1]);
    await until(() => expect(node.status().role).toBe('leader'));
    node.setDiskLow(true);
    const command = new TextEncoder().encode('x');
    expect(await node.propose(command, { id: 's', serial: 1 }, 1000))
      .toEqual({ kind: 'dropped', reason: 'disk-low', isPassing: false });
    expect(await node.propose(command, { id: 's', serial: 2 }, 1000, true)).toMatchObject({ kind: 'applied' });
    node.setDiskLow(false);
    expect(await node.propose(command, { id: 's', serial: 3 }, 1000)).toMatchObject({ kind: 'applied' });
  });
});
