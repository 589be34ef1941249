/** Three managers' worth of Raft in one process: real stores in temporary directories, real TCP between them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePorts } from './free-ports.js';
import { createTcpTransport, type TcpTransport } from './tcp-transport.js';
import { createPrng, managerId, type ManagerId } from '../../src/base/index.js';
import { bootstrapMembership, createRaftNode, initStore, openStore, type RaftNode } from '../../src/raft/index.js';

const ids = ['m1', 'm2', 'm3'].map(managerId);
const clusterId = 'three';

interface Member {
  readonly id: ManagerId;
  readonly node: RaftNode;
  readonly applied: string[];
  stop(): Promise<void>;
}

const running = new Set<Member>();
let parent = '';

afterEach(async () => {
  for (const member of [...running]) await member.stop();
  await rm(parent, { recursive: true, force: true });
});

async function startMember(id: ManagerId, ports: ReadonlyMap<ManagerId, number>): Promise<Member> {
  const { store, meta } = await openStore(join(parent, id), { managerId: id, clusterId });
  const transport: TcpTransport = await createTcpTransport(clusterId, id, ports);
  const applied: string[] = [];
  const node = createRaftNode({
    id,
    bootstrap: bootstrapMembership(meta.voters),
    store,
    transport,
    stateMachine: {
      apply: (entry) => {
        applied.push(`${entry.index}:${entry.term}:${new TextDecoder().decode(entry.command)}`);
        return applied.length;
      },
      snapshot: () => [...applied],
      restore: (data) => applied.splice(0, Infinity, ...(data as string[])),
    },
    electionTimeoutMs: 500,
    prng: createPrng(Number(id.slice(1))),
    clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    log: () => undefined,
  });
  await node.start();
  const member: Member = {
    id,
    node,
    applied,
    stop: async () => {
      running.delete(member);
      await transport.stop();
      await node.stop();
    },
  };
  running.add(member);
  return member;
}

async function leaderOf(members: readonly Member[]): Promise<Member> {
  return vi.waitFor(
    async () => {
      const leader = members.find(({ node }) => node.status().role === 'leader');
      if (leader === undefined) throw new Error('no leader yet');
      const proof = await leader.node.proveLeadership(1000);
      if (proof.kind !== 'leader') throw new Error(`no proof yet: ${proof.kind}`);
      return leader;
    },
    { timeout: 10_000, interval: 20 },
  );
}

const proposeTo = ({ node }: Member, n: number) =>
  node.propose(new TextEncoder().encode(`command ${n}`), { id: 'test', serial: n }, 5000);

describe('three nodes over TCP with stores on disk', () => {
  it('elect, replicate, survive their leader, and take it back', { timeout: 40_000 }, async () => {
    parent = await mkdtemp(join(tmpdir(), 'hactl-three-'));
    const ports = new Map((await freePorts(3)).map((port, at) => [ids[at] ?? managerId('none'), port]));
    for (const id of ids) await initStore(join(parent, id), { clusterId, managerId: id, voters: ids });
    const members = await Promise.all(ids.map((id) => startMember(id, ports)));

    const first = await leaderOf(members);
    for (let n = 1; n <= 20; n += 1) expect(await proposeTo(first, n)).toMatchObject({ kind: 'applied', result: n });

    await first.stop();
    const stoppedAtMs = performance.now();
    const rest = members.filter((member) => member !== first);
    const second = await leaderOf(rest);
    expect(performance.now() - stoppedAtMs).toBeLessThan(5000);
    expect(second.node.status().term).toBeGreaterThan(first.node.status().term);
    // A retry of what the old leader had committed runs on nobody again.
    expect(await proposeTo(second, 20)).toMatchObject({ kind: 'applied', result: 20 });
    expect(await proposeTo(second, 21)).toMatchObject({ kind: 'applied', result: 21 });

    const again = await startMember(first.id, ports);
    const all = [...rest, again];
    await vi.waitFor(
      () => {
        for (const { applied } of all) expect(applied).toEqual(second.applied);
      },
      { timeout: 5000, interval: 20 },
    );
    expect(second.applied).toHaveLength(21);

    for (const member of rest) await member.stop();
    const lonely = await again.node.propose(new Uint8Array(1), { id: 'test', serial: 22 }, 500);
    expect(lonely.kind).toBe('not-leader');
    expect((await again.node.proveLeadership(500)).kind).not.toBe('leader');
  });
});
