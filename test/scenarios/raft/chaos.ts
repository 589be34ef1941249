/**
 * A cluster under random delivery, loss, reordering, duplication, slow disks, crashes and partitions, and the global
 * rules of Raft checked on all that the nodes do (names as in etcd's TLA+ specification). Small on purpose: a smoke
 * test until the simulator exists.
 */
import type { ManagerId, Prng } from '../../../src/base/index.js';
import { assert, createPrng, managerId } from '../../../src/base/index.js';
import { raftCoreDefaults, unknownMember } from '../../../src/raft/core/index.js';
import type { MembershipChange, Output, Snapshot, StoredEntry } from '../../../src/raft/core/index.js';
import { RaftInvariants } from '../../support/raft-invariants.js';
import type { Disk } from './cluster.js';
import { TestCluster, store } from './cluster.js';

/** Nodes ever made in one run: ids are used once. */
const nodesMax = 9;

export interface ChaosOptions {
  readonly seed: number;
  readonly size: number;
  readonly steps: number;
  readonly speaksBeforePersisting?: boolean;
  /** Managers come and go, the leadership is handed over, and snapshots are taken every few entries. */
  readonly changes?: boolean;
}

export class Chaos {
  readonly cluster: TestCluster;
  readonly invariants = new RaftInvariants({
    electionTimeoutTicks: 6, appendBytesMax: 120, inflightBytesMax: raftCoreDefaults.inflightBytesMax,
  });
  readonly #prng: Prng;
  /** Each node's log in memory, rebuilt from its writes. */
  readonly #memory = new Map<ManagerId, Disk>();
  readonly #leaderOfTerm = new Map<number, ManagerId>();
  /** The one list of committed entries that every node must agree on. */
  readonly #committed: StoredEntry[] = [];
  /** By read id: what was committed anywhere when it was asked. */
  readonly #readFloor = new Map<number, number>();
  #nextId = 0;
  readonly trace: string[] = [];
  readsReady = 0;
  readonly #changes: boolean;
  readonly seen = { snapshots: 0, restored: 0, memberships: 0, transfers: 0 };

  constructor(options: ChaosOptions) {
    this.#prng = createPrng(options.seed);
    this.#changes = options.changes ?? false;
    this.cluster = new TestCluster({
      size: options.size,
      config: {
        electionTimeoutTicks: 6,
        heartbeatTicks: 2,
        inflightMessagesMax: 3,
        appendBytesMax: 120,
        uncommittedBytesMax: 400,
        ...(this.#changes ? { snapshotEntries: 8, trailingEntries: 3, snapshotChunkBytes: 40 } : {}),
      },
      prng: () => createPrng(this.#prng.int(0, 2 ** 31)),
      watch: this.invariants,
      onOutput: (id, output) => this.#observe(id, output),
      speaksBeforePersisting: options.speaksBeforePersisting ?? false,
    });
    for (const node of this.cluster.nodes) this.#memory.set(node.id, structuredClone(node.disk));
  }

  get committedCount(): number {
    return this.#committed.length;
  }

  get termsLed(): number {
    return this.#leaderOfTerm.size;
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#act();
      this.#isKept();
    }
  }

  /** All faults end: within a bounded time there is one leader, and everybody has applied the same. */
  heal(): void {
    this.cluster.cuts.clear();
    for (const node of this.cluster.nodes) if (node.core === null) this.#restart(node.id);
    for (let round = 0; round < 400; round += 1) {
      for (const id of this.cluster.ids) {
        this.cluster.tick(id);
        this.cluster.persist(id, Infinity);
      }
      for (let moved = 0; moved < 50 && this.cluster.busyLinks().length > 0; moved += 1) {
        for (const link of this.cluster.busyLinks()) this.cluster.deliver(link);
        for (const id of this.cluster.ids) this.cluster.persist(id, Infinity);
      }
    }
    const all = this.cluster.nodes.map((node) => node.core!.inspect());
    const leaders = all.filter((view) => view.role === 'leader');
    assert(leaders.length === 1, 'a healed cluster has one leader');
    const { voters, learners } = leaders[0]!.membership;
    const members = [...voters, ...learners].map((member) => member.id);
    const views = all.filter((view) => members.includes(view.id));
    assert(new Set(views.map((view) => view.appliedIndex)).size === 1, 'a healed cluster has applied the same');
  }

  #isKept(): void {
    assert(this.invariants.violations.length === 0, this.invariants.violations.join('; '));
  }

  #act(): void {
    const prng = this.#prng;
    const id = this.cluster.ids[prng.int(0, this.cluster.ids.length)]!;
    const dice = prng.int(0, 1000);
    if (dice < 520) this.#moveMessage();
    else if (dice < 700) this.cluster.tick(id);
    else if (dice < 880) this.cluster.persist(id, prng.int(1, 4));
    else if (dice < 940) this.#propose(id);
    else if (dice < 965) this.#read(id);
    else if (dice < 970) this.#crash(id);
    else if (dice < 990) this.#restart(id);
    else if (dice < 993) this.#partition();
    else if (dice < 996 && this.#changes) this.#changeSomething(id);
    else this.cluster.cuts.clear();
  }

  #moveMessage(): void {
    const prng = this.#prng;
    const links = this.cluster.busyLinks();
    const link = links[prng.int(0, links.length)];
    if (link === undefined) return;
    const queue = this.cluster.links.get(link) ?? [];
    const dice = prng.int(0, 100);
    if (dice < 4) this.cluster.drop(link);
    else if (dice < 6 && queue[0] !== undefined) queue.push(queue[0]);
    else this.cluster.deliver(link, dice < 12 ? prng.int(0, queue.length) : 0);
  }

  #propose(id: ManagerId): void {
    this.#nextId += 1;
    const command = new TextEncoder().encode(`${id}:${this.#nextId}`);
    const payload = { kind: 'command' as const, session: { id: 's', serial: this.#nextId }, command };
    const nowMs = this.#prng.int(0, 1000);
    this.cluster.step(id, { kind: 'propose', proposalId: this.#nextId, payload, nowMs, isUrgent: false });
  }

  #read(id: ManagerId): void {
    this.#nextId += 1;
    this.#readFloor.set(this.#nextId, this.#committed.length);
    this.cluster.step(id, { kind: 'read-request', readId: this.#nextId });
  }

  #crash(id: ManagerId): void {
    const node = this.cluster.node(id);
    this.trace.push(`crash ${id}`);
    this.cluster.crash(id, this.#prng.int(0, node.writes.length + 1));
  }

  #restart(id: ManagerId): void {
    const node = this.cluster.node(id);
    if (node.core !== null) return;
    this.trace.push(`restart ${id}`);
    this.#memory.set(id, structuredClone(node.disk));
    this.cluster.start(id);
  }

  #changeSomething(id: ManagerId): void {
    const prng = this.#prng;
    const { cluster } = this;
    const leader = cluster.nodes.find((node) => node.core?.inspect().role === 'leader')?.id ?? id;
    const any = cluster.ids[prng.int(0, cluster.ids.length)]!;
    const dice = prng.int(0, 4);
    if (dice === 0) {
      cluster.step(leader, { kind: 'transfer-leadership', target: prng.next() < 0.5 ? null : any });
    } else if (dice === 1 && cluster.ids.length > 4) {
      this.#change(leader, { kind: 'remove', id: any });
    } else if (cluster.ids.length < nodesMax) {
      const joiner = managerId(`m${cluster.ids.length + 1}`);
      cluster.join(joiner);
      this.#memory.set(joiner, structuredClone(cluster.node(joiner).disk));
      const replaces = dice === 2 ? any : null;
      const then = prng.next() < 0.8 ? 'vote' : 'stay';
      this.#change(leader, { kind: 'add', learner: { ...unknownMember(joiner), then, replaces } });
    }
  }

  #change(id: ManagerId, change: MembershipChange): void {
    this.#nextId += 1;
    this.cluster.step(id, { kind: 'change-membership', proposalId: this.#nextId, change, nowMs: 0 });
  }

  #partition(): void {
    const side = this.cluster.ids.filter(() => this.#prng.next() < 0.5);
    for (const a of this.cluster.ids) {
      for (const b of this.cluster.ids) {
        // One direction only, now and then: the nastier kind.
        if (side.includes(a) && !side.includes(b)) {
          this.cluster.cuts.add(`${a}->${b}`);
          if (this.#prng.next() < 0.8) this.cluster.cuts.add(`${b}->${a}`);
        }
      }
    }
  }

  #observe(id: ManagerId, output: Output): void {
    assert(output.kind !== 'halt', `${id} halted: ${output.kind === 'halt' ? output.reason : ''}`);
    if (output.kind === 'write') store(this.#memory.get(id)!, output);
    if (output.kind === 'role-changed' && output.role === 'leader') this.#elected(id, output.term);
    if (output.kind === 'apply') for (const entry of output.entries) this.#applied(id, entry);
    if (output.kind === 'read-ready') {
      assert(output.index >= this.#readFloor.get(output.readId)!, 'a read misses what was committed before it');
      this.readsReady += 1;
    }
    if (output.kind === 'restore') this.#restored(id, output.snapshot);
    const isOwn = output.kind === 'write' && !output.replacesLog;
    if (isOwn && output.snapshot !== null) this.#snapshotTaken(output.snapshot);
    if (output.kind === 'membership-changed' && output.isCommitted) this.seen.memberships += 1;
    if (output.kind === 'transfer-ended' && output.outcome === 'handed-over') this.seen.transfers += 1;
    if (output.kind === 'apply') this.trace.push(`${id} apply ${output.entries.length}`);
    if (output.kind === 'role-changed') this.trace.push(`${id} ${output.role} ${output.term}`);
  }

  #elected(id: ManagerId, term: number): void {
    const other = this.#leaderOfTerm.get(term) ?? id;
    assert(other === id, `election safety: ${other} and ${id} both lead term ${term}`);
    this.#leaderOfTerm.set(term, id);
    const { entries, base } = this.#memory.get(id)!;
    for (const entry of this.#committed.slice(base.index)) {
      const own = entries[entry.index - base.index - 1];
      assert(own?.term === entry.term, `leader completeness: ${id} lacks entry ${entry.index}`);
    }
  }

  /** What a snapshot holds is what all the committed entries up to it make. */
  #snapshotTaken({ index, data }: Snapshot): void {
    this.seen.snapshots += 1;
    const made = this.#committed.slice(0, index).flatMap(({ payload }) =>
      payload.kind === 'command' ? [new TextDecoder().decode(payload.command)] : [],
    );
    assert(made.join(' ') === new TextDecoder().decode(data), `the snapshot of ${index} is another state`);
  }

  #restored(id: ManagerId, snapshot: Snapshot): void {
    this.seen.restored += 1;
    this.trace.push(`${id} restore ${snapshot.index}`);
    assert(snapshot.index <= this.#committed.length, `${id} restores what was never committed`);
    this.#snapshotTaken(snapshot);
  }

  #applied(id: ManagerId, entry: StoredEntry): void {
    const known = this.#committed[entry.index - 1];
    if (known === undefined) {
      assert(entry.index === this.#committed.length + 1, `${id} applied entry ${entry.index} with a gap before it`);
      this.#committed.push(entry);
      return;
    }
    assert(sameEntry(known, entry), `state-machine safety: ${id} applied another entry ${entry.index}`);
  }

  /** Log matching: two logs that agree on one entry agree on all before it. */
  checkLogMatching(): void {
    const logs = [...this.#memory.values()].map((memory) => new Map(memory.entries.map((one) => [one.index, one])));
    for (const a of logs) for (const b of logs) assert(isPrefixClosed(a, b), 'log matching is broken');
  }
}

type Entries = ReadonlyMap<number, StoredEntry>;

/** As far as both still hold their entries: before that they are in snapshots. */
function isPrefixClosed(a: Entries, b: Entries): boolean {
  const shared = [...a.values()].filter((entry) => b.has(entry.index));
  const lastSame = shared.findLastIndex((entry) => b.get(entry.index)?.term === entry.term);
  return shared.slice(0, lastSame + 1).every((entry) => sameEntry(entry, b.get(entry.index)!));
}

function sameEntry(a: StoredEntry, b: StoredEntry): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function runChaos(options: ChaosOptions): Chaos {
  const chaos = new Chaos(options);
  for (let part = 0; part < 10; part += 1) {
    chaos.run(options.steps / 10);
    chaos.checkLogMatching();
  }
  return chaos;
}
