/**
 * A cluster under random delivery, loss, reordering, duplication, slow disks, crashes and partitions, and the global
 * rules of Raft checked on all that the nodes do (names as in etcd's TLA+ specification). Small on purpose: a smoke
 * test until the simulator exists.
 */
import type { ManagerId, Prng } from '../../../src/base/index.js';
import { assert, createPrng } from '../../../src/base/index.js';
import type { Output, StoredEntry } from '../../../src/raft/core/index.js';
import type { Disk } from './cluster.js';
import { TestCluster, store } from './cluster.js';

export interface ChaosOptions {
  readonly seed: number;
  readonly size: number;
  readonly steps: number;
  readonly speaksBeforePersisting?: boolean;
}

export class Chaos {
  readonly cluster: TestCluster;
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

  constructor(options: ChaosOptions) {
    this.#prng = createPrng(options.seed);
    this.cluster = new TestCluster({
      size: options.size,
      config: {
        electionTimeoutTicks: 6,
        heartbeatTicks: 2,
        inflightMessagesMax: 3,
        appendBytesMax: 120,
        uncommittedBytesMax: 400,
      },
      prng: () => createPrng(this.#prng.int(0, 2 ** 31)),
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
    for (let step = 0; step < steps; step += 1) this.#act();
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
    const views = this.cluster.nodes.map((node) => node.core!.inspect());
    assert(views.filter((view) => view.role === 'leader').length === 1, 'a healed cluster has one leader');
    assert(new Set(views.map((view) => view.appliedIndex)).size === 1, 'a healed cluster has applied the same');
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
    if (output.kind === 'apply') this.trace.push(`${id} apply ${output.entries.length}`);
    if (output.kind === 'role-changed') this.trace.push(`${id} ${output.role} ${output.term}`);
  }

  #elected(id: ManagerId, term: number): void {
    const other = this.#leaderOfTerm.get(term) ?? id;
    assert(other === id, `election safety: ${other} and ${id} both lead term ${term}`);
    this.#leaderOfTerm.set(term, id);
    const log = this.#memory.get(id)!.entries;
    for (const entry of this.#committed) {
      assert(log[entry.index - 1]?.term === entry.term, `leader completeness: ${id} lacks entry ${entry.index}`);
    }
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
    const logs = [...this.#memory.values()].map((memory) => memory.entries);
    for (const a of logs) for (const b of logs) assert(isPrefixClosed(a, b), 'log matching is broken');
  }
}

function isPrefixClosed(a: readonly StoredEntry[], b: readonly StoredEntry[]): boolean {
  const same = a.map((entry, at) => b[at] !== undefined && b[at].term === entry.term);
  const lastSame = same.lastIndexOf(true);
  return a.every((entry, at) => at > lastSame || (b[at] !== undefined && sameEntry(entry, b[at])));
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
