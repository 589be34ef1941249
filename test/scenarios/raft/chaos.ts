/**
 * A cluster under random faults: delivery in any order, loss, doubles of old messages, damage, slow and hung disks,
 * pauses, crashes, partitions. Each seed first draws which faults exist in its run and how often (all of them always
 * would hide each other). The rules are judged elsewhere: test/support/raft-invariants.ts and chaos-ledger.ts.
 */
import type { ManagerId, Prng } from '../../../src/base/index.js';
import { assert, createPrng, managerId } from '../../../src/base/index.js';
import { raftCoreDefaults, unknownMember } from '../../../src/raft/core/index.js';
import type { MembershipChange, Message, Output } from '../../../src/raft/core/index.js';
import { RaftInvariants } from '../../support/raft-invariants.js';
import { auditDisk } from './chaos-audit.js';
import { ChaosLedger } from './chaos-ledger.js';
import { TestCluster } from './cluster.js';

/** Nodes ever made in one run: ids are used once. */
const nodesMax = 9;
/** Old messages that may come again. */
const oldMessagesMax = 200;

const limits = { electionTimeoutTicks: 6, appendBytesMax: 120, inflightBytesMax: 200 };

export interface ChaosOptions {
  readonly seed: number;
  readonly size: number;
  readonly steps: number;
  readonly speaksBeforePersisting?: boolean;
  /** Managers come and go, the leadership is handed over, and snapshots are taken every few entries. */
  readonly changes?: boolean;
}

type Deed = 'message' | 'tick' | 'persist' | 'propose' | 'read' | 'crash' | 'restart' | 'partition' | 'heal'
  | 'change' | 'old-message' | 'pause' | 'hang' | 'hurry' | 'burst' | 'disk-low';

interface Old {
  readonly link: string;
  readonly message: Message;
}

/** Of these, in proportion; the lower part is drawn anew for each seed. */
const usual: Readonly<Record<Deed, number>> = {
  message: 520, tick: 170, persist: 190, propose: 50, read: 25, restart: 15, heal: 5,
  crash: 5, partition: 3, change: 4, 'old-message': 12, pause: 2, hang: 2, hurry: 6, burst: 4, 'disk-low': 1,
};
const drawn: readonly Deed[] =
  ['crash', 'partition', 'change', 'old-message', 'pause', 'hang', 'hurry', 'burst', 'disk-low'];

export class Chaos {
  readonly cluster: TestCluster;
  readonly invariants = new RaftInvariants(limits);
  readonly ledger = new ChaosLedger();
  readonly trace: string[] = [];
  readonly #prng: Prng;
  readonly #changes: boolean;
  readonly #weights: readonly (readonly [Deed, number])[];
  readonly #old: Old[] = [];
  /** Votes, snapshots and words of transfer. */
  readonly #oldRare: Old[] = [];
  /** Until this step nothing happens to a paused node, and no write of a hung disk ends. */
  readonly #pausedUntil = new Map<ManagerId, number>();
  readonly #hungUntil = new Map<ManagerId, number>();
  #step = 0;
  #nextId = 0;
  readsReady = 0;
  memberships = 0;
  transfers = 0;

  constructor(options: ChaosOptions) {
    this.#prng = createPrng(options.seed);
    this.#changes = options.changes ?? false;
    this.#weights = this.#drawWeights();
    this.cluster = new TestCluster({
      size: options.size,
      config: {
        ...raftCoreDefaults,
        ...limits,
        heartbeatTicks: 2,
        inflightMessagesMax: 3,
        uncommittedBytesMax: 400,
        ...(this.#changes ? { snapshotEntries: 8, trailingEntries: 3, snapshotChunkBytes: 40 } : {}),
      },
      prng: () => createPrng(this.#prng.int(0, 2 ** 31)),
      watch: this.invariants,
      onOutput: (id, output) => this.#observe(id, output),
      speaksBeforePersisting: options.speaksBeforePersisting ?? false,
    });
    for (const node of this.cluster.nodes) this.ledger.restarted(node.id, null);
  }

  get seen(): Readonly<Record<string, number>> {
    const { snapshots, restored } = this.ledger;
    return { snapshots, restored, memberships: this.memberships, transfers: this.transfers };
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#step += 1;
      this.#act();
      this.#isKept();
    }
  }

  /** All faults end: within a bounded time there is one leader, and everybody has applied the same. */
  heal(): void {
    this.cluster.cuts.clear();
    for (const node of this.cluster.nodes) {
      if (node.core === null) this.#restart(node.id);
      this.cluster.step(node.id, { kind: 'disk-space', isLow: false });
    }
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
    this.#isKept();
    const all = this.cluster.nodes.map((node) => node.core!.inspect());
    const leaders = all.filter((view) => view.role === 'leader');
    assert(leaders.length === 1, `a healed cluster has one leader, not ${leaders.length}`);
    const { voters, learners } = leaders[0]!.membership;
    const members = [...voters, ...learners].map((member) => member.id);
    const views = all.filter((view) => members.includes(view.id));
    assert(new Set(views.map((view) => view.appliedIndex)).size === 1, 'a healed cluster has applied the same');
  }

  #drawWeights(): readonly (readonly [Deed, number])[] {
    const strengths = [0, 0.5, 1, 1, 4];
    return (Object.entries(usual) as [Deed, number][]).map(([deed, weight]) => {
      if (deed === 'change' && !this.#changes) return [deed, 0] as const;
      if (!drawn.includes(deed)) return [deed, weight] as const;
      return [deed, weight * (strengths[this.#prng.int(0, strengths.length)] ?? 1)] as const;
    });
  }

  #isKept(): void {
    const { violations } = this.invariants;
    assert(violations.length === 0, violations.join('; '));
  }

  #act(): void {
    const prng = this.#prng;
    const total = this.#weights.reduce((sum, [, weight]) => sum + weight, 0);
    let dice = prng.next() * total;
    const deed = this.#weights.find(([, weight]) => (dice -= weight) < 0)?.[0] ?? 'message';
    const id = this.cluster.ids[prng.int(0, this.cluster.ids.length)]!;
    if (deed === 'message') this.#moveMessage();
    else if (deed === 'heal') this.cluster.cuts.clear();
    else if (deed === 'partition') this.#partition();
    else if (deed === 'old-message') this.#oldMessage();
    else if (!this.#isAsleep(id)) this.#actOn(id, deed);
  }

  #actOn(id: ManagerId, deed: Deed): void {
    const prng = this.#prng;
    const { cluster } = this;
    switch (deed) {
      case 'tick':
        cluster.tick(id);
        return;
      case 'hurry':
        // Its clock runs fast, or others are slow.
        for (let left = prng.int(2, 14); left > 0; left -= 1) cluster.tick(id);
        return;
      case 'persist':
        if ((this.#hungUntil.get(id) ?? 0) <= this.#step) cluster.persist(id, prng.int(1, 4));
        return;
      case 'propose':
        this.#propose(prng.next() < 0.5 ? id : this.#anyLeader(id));
        return;
      case 'burst':
        for (let left = prng.int(2, 6); left > 0; left -= 1) this.#propose(this.#anyLeader(id));
        return;
      case 'read':
        this.#nextId += 1;
        cluster.step(this.#anyLeader(id), { kind: 'read-request', readId: this.#nextId });
        return;
      case 'crash':
        this.#crash(id);
        return;
      case 'restart':
        this.#restart(id);
        return;
      case 'change':
        this.#changeSomething(this.#anyLeader(id));
        return;
      case 'pause':
        this.#pausedUntil.set(id, this.#step + prng.int(50, 600));
        return;
      case 'hang':
        this.#hungUntil.set(id, this.#step + prng.int(50, 600));
        return;
      case 'disk-low':
        cluster.step(id, { kind: 'disk-space', isLow: prng.next() < 0.5 });
        return;
      default:
    }
  }

  #isAsleep(id: ManagerId): boolean {
    return (this.#pausedUntil.get(id) ?? 0) > this.#step;
  }

  /** One that believes to lead, old ones too. */
  #anyLeader(otherwise: ManagerId): ManagerId {
    const leaders = this.cluster.nodes.filter((node) => node.core?.inspect().role === 'leader');
    return leaders[this.#prng.int(0, Math.max(1, leaders.length))]?.id ?? otherwise;
  }

  #moveMessage(): void {
    const prng = this.#prng;
    const links = this.cluster.busyLinks().filter((name) => !this.#isAsleep(name.split('->')[1] as ManagerId));
    const link = links[prng.int(0, links.length)];
    if (link === undefined) return;
    const queue = this.cluster.links.get(link) ?? [];
    const dice = prng.int(0, 100);
    const at = dice < 12 ? prng.int(0, queue.length) : 0;
    if (dice < 4) {
      this.cluster.drop(link);
      return;
    }
    const message = queue[at];
    if (message !== undefined) this.#remember(link, message);
    if (dice >= 98 && message?.kind === 'snapshot-chunk') queue[at] = damaged(message, prng);
    this.cluster.deliver(link, at);
  }

  #remember(link: string, message: Message): void {
    const isCommon = message.kind === 'append-request' || message.kind === 'append-response';
    const old = isCommon ? this.#old : this.#oldRare;
    if (old.length < oldMessagesMax) old.push({ link, message });
    else old[this.#prng.int(0, oldMessagesMax)] = { link, message };
  }

  /** A store made to join under the id of a voter that was lost: it is asked as that voter would be. */
  #askStranger(): void {
    const stranger = this.cluster.nodes.find((node) => node.core?.inspect().voters.length === 0);
    const asked = this.#oldRare.filter(({ message }) => message.kind.endsWith('vote-request'));
    const old = asked[this.#prng.int(0, Math.max(1, asked.length))];
    if (stranger === undefined || old === undefined) return;
    const from = managerId(old.link.split('->')[0] ?? '');
    this.cluster.step(stranger.id, { kind: 'receive', from, message: old.message });
  }

  /** Comes again, however late. */
  #oldMessage(): void {
    if (this.#prng.next() < 0.05) this.#askStranger();
    const words = this.#prng.next() < 0.1 ? this.#oldRare.filter(({ message }) => message.kind === 'timeout-now') : [];
    const among = words.length > 0 ? words : this.#prng.next() < 0.5 ? this.#oldRare : this.#old;
    const old = among[this.#prng.int(0, Math.max(1, among.length))];
    if (old === undefined || this.cluster.cuts.has(old.link)) return;
    const queue = this.cluster.links.get(old.link) ?? [];
    queue.unshift(old.message);
    this.cluster.links.set(old.link, queue);
    if (!this.#isAsleep(old.link.split('->')[1] as ManagerId)) this.cluster.deliver(old.link);
  }

  /** Now and then a retry of one that was asked before, whatever became of that. */
  #propose(id: ManagerId): void {
    const prng = this.#prng;
    this.#nextId += 1;
    const proposalId = this.#nextId;
    const session = prng.next() < 0.15 ? prng.int(1, proposalId + 1) : proposalId;
    const text = `${proposalId}:${session}`;
    this.ledger.proposes(proposalId, text);
    const command = new TextEncoder().encode(text);
    const payload = { kind: 'command' as const, session: { id: `s${session}`, serial: 1 }, command };
    const nowMs = prng.int(0, 1000);
    this.cluster.step(id, { kind: 'propose', proposalId, payload, nowMs, isUrgent: prng.next() < 0.1 });
  }

  #crash(id: ManagerId): void {
    const node = this.cluster.node(id);
    this.trace.push(`crash ${id}`);
    this.cluster.crash(id, this.#prng.int(0, node.writes.length + 1));
    auditDisk(node.disk, this.#prng);
  }

  #restart(id: ManagerId): void {
    const node = this.cluster.node(id);
    if (node.core !== null) return;
    this.trace.push(`restart ${id}`);
    this.ledger.restarted(id, node.disk.snapshot);
    this.cluster.start(id);
  }

  #changeSomething(leader: ManagerId): void {
    const prng = this.#prng;
    const { cluster } = this;
    const any = cluster.ids[prng.int(0, cluster.ids.length)]!;
    const dice = prng.int(0, 10);
    if (dice < 2) {
      cluster.step(leader, { kind: 'transfer-leadership', target: prng.next() < 0.5 ? null : any });
    } else if (dice < 5 && cluster.ids.length > 3) {
      this.#change(leader, { kind: 'remove', id: prng.next() < 0.3 ? leader : any });
    } else if (dice === 5) {
      this.#change(leader, { kind: 'describe', member: { ...unknownMember(any), rpc: `${any}:${this.#nextId}` } });
    } else if (cluster.ids.length < nodesMax) {
      const joiner = managerId(`m${cluster.ids.length + 1}`);
      this.ledger.restarted(joiner, null);
      cluster.join(joiner);
      const replaces = dice === 6 ? any : null;
      const then = prng.next() < 0.6 ? 'vote' : 'stay';
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
    for (const done of this.ledger.observed(id, output)) this.invariants.acked(done);
    if (output.kind === 'read-ready') this.readsReady += 1;
    if (output.kind === 'membership-changed' && output.isCommitted) this.memberships += 1;
    if (output.kind === 'transfer-ended' && output.outcome === 'handed-over') this.transfers += 1;
    if (output.kind === 'restore') this.trace.push(`${id} restore ${output.snapshot.index}`);
    if (output.kind === 'apply') this.trace.push(`${id} apply ${output.entries.length}`);
    if (output.kind === 'role-changed') this.trace.push(`${id} ${output.role} ${output.term}`);
  }
}

function damaged(chunk: Extract<Message, { kind: 'snapshot-chunk' }>, random: Prng): Message {
  const bytes = chunk.bytes.slice();
  if (bytes.length > 0) bytes[random.int(0, bytes.length)]! ^= 1;
  return { ...chunk, bytes };
}

export function runChaos(options: ChaosOptions): Chaos {
  const chaos = new Chaos(options);
  chaos.run(options.steps);
  return chaos;
}
