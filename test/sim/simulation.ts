/**
 * One seed: a quorum of managers with real code, simulated servers, faults by plan, checks all along; then everything
 * is repaired, and it must converge.
 */
import { clusterName, createPrng, managerId, serverName } from '../../src/base/index.js';
import type { ManagerId } from '../../src/base/index.js';
import type { ClusterState } from '../../src/ha/index.js';
import { bootstrapMembership, noMembers } from '../../src/raft/index.js';
import type { AppliedEntry, Membership } from '../../src/raft/index.js';
import { createEnvironment } from '../world/environment.js';
import type { Environment } from '../world/environment.js';
import { RaftInvariants } from '../support/raft-invariants.js';
import { Invariants } from '../world/invariants.js';
import type { Basis } from '../world/invariants.js';
import { SimServer } from '../world/sim-server.js';
import { Frontier } from './checks/frontier.js';
import { LedgerChecks } from './checks/ledger-checks.js';
import { DeathChecks } from './checks/death-checks.js';
import { SavedChecks } from './checks/saved-checks.js';
import { WriteChecks } from './checks/write-checks.js';
import { Clients } from './clients.js';
import { declaration, probing } from './declaration.js';
import { diskFailure, SimDisk } from './disk.js';
import { carryOut } from './faults.js';
import { whoDoesNotFollow, whyNotConverged } from './liveness.js';
import { Operator } from './operator.js';
import type { FaultKind } from './fault-shapes.js';
import type { Plan } from './plan.js';
import { SimNode, tickMs } from './sim-node.js';
import type { NodeObserver } from './sim-node.js';
import { Wire } from './wire.js';

export const cluster = clusterName('app1');

type StepArguments = NodeObserver['stepped'] extends (node: SimNode, ...step: infer Step) => void ? Step : never;

const restartAfterMs = 700;
/** How long convergence may take once everything is repaired. */
export const convergeWithinMs = 60_000;
/** Somebody rebuilds what follows nobody. */
const tidyWithinMs = 15_000;
const replacedWithinMs = 20_000;
const relayLogMax = 10;
const seenWithinMs = 1500;
const writtenWithinMs = 5000;

/** A manager across its lives. */
export interface Seat {
  readonly id: ManagerId;
  readonly bootstrap: Membership;
  readonly disk: SimDisk;
  node: SimNode;
  /** Never to be started again: removed, refused, or its disk is gone. */
  isGone: boolean;
  /** Its disk was set back or made anew: nobody may let it in, and it may notice by itself. */
  isForgetful: boolean;
  /** Only who runs and has heard it further on can tell that it was set back. */
  isSetBack: boolean;
  clockOffsetMs: number;
}

export interface Outcome {
  readonly violations: readonly string[];
  readonly operations: number;
  readonly failovers: number;
  readonly blocked: number;
  readonly leaderChanges: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly acknowledged: number;
  readonly snapshots: number;
  readonly happened: Readonly<Partial<Record<FaultKind, number>>>;
  readonly traceHash: string;
}

/** Longer than it takes to send a statement after its proof; a process that sleeps in between is excused. */
const freshProofMs = 5;

export class Simulation {
  readonly plan: Plan;
  readonly env: Environment;
  readonly wire: Wire;
  readonly servers: readonly SimServer[];
  readonly seats = new Map<ManagerId, Seat>();
  readonly raftChecks: RaftInvariants;
  readonly frontier = new Frontier();
  readonly ledger: LedgerChecks;
  readonly writes: WriteChecks;
  readonly clients: Clients;
  readonly operator: Operator;
  readonly happened: Partial<Record<FaultKind, number>> = {};
  readonly #invariants: Invariants;
  readonly #bugs: string[] = [];
  /** The present life of each manager, ended ones included. */
  readonly nodes: SimNode[] = [];
  #steps = 0;
  #snapshots = 0;
  /** Everything is repaired: no fault begins any more. */
  isCalm = false;

  constructor(plan: Plan) {
    this.plan = plan;
    this.env = createEnvironment(plan.seed);
    this.wire = new Wire(this.env);
    this.wire.onWelcome = (from, to) => {
      if (this.seats.get(from.id)?.isForgetful === true) this.note(`identity: ${to.id} lets ${from.id} in again`);
    };
    const note = (sentence: string): void => this.note(sentence);
    const { inflightBytesMax, appendBytesMax } = plan;
    this.raftChecks = new RaftInvariants({
      electionTimeoutTicks: this.electionTicks, inflightBytesMax, appendBytesMax,
    });
    this.ledger = new LedgerChecks(note);
    const names = Array.from({ length: plan.servers }, (_, index) => serverName(`db${index + 1}`));
    this.servers = names.map((name, index) => new SimServer({
      env: this.env, name, number: index + 1, peers: () => this.servers,
      boot: {
        superReadOnly: index > 0,
        waitsForAcks: plan.isSemiSync && index === 0,
        acknowledges: plan.isSemiSync && index > 0,
        startsReplication: true,
        recoversRelayLog: false,
      },
    }));
    for (const server of this.servers) server.applyMs = plan.applyMs;
    // How it comes up the next time; now it is the primary.
    const [first] = this.servers as [SimServer];
    first.boot = { ...first.boot, superReadOnly: plan.isClosedAtBoot };
    this.#invariants = new Invariants({
      env: this.env, cluster, log: this.frontier, servers: this.servers, managers: this.nodes,
      basisOf: (manager, sentAtMs) => this.#basisOf(manager, sentAtMs),
    });
    this.env.queue.observe(() => {
      this.#steps += 1;
    });
    this.clients = new Clients({
      env: this.env, nodes: () => this.nodes, servers: this.servers, ledger: this.ledger,
      onAcked: (proposal) => this.raftChecks.acked(proposal),
    });
    this.writes = new WriteChecks({ log: this.frontier, servers: this.servers, clients: this.clients, note });
    this.operator = new Operator(this);
    new SavedChecks({
      cluster, queue: this.env.queue, network: this.env.network, log: this.frontier, servers: this.servers,
      managers: () => this.frontier.voters, clients: this.clients, note,
    });
    new DeathChecks({
      cluster, queue: this.env.queue, log: this.frontier, servers: this.servers, nodes: this.nodes, note,
      voters: () => this.frontier.voters,
    });
  }

  get electionTicks(): number {
    return this.plan.electionTimeoutMs / tickMs;
  }

  get leader(): SimNode | null {
    const leaders = this.nodes.filter((node) => node.isLeader);
    return leaders.sort((a, b) => b.raft.status().term - a.raft.status().term)[0] ?? null;
  }

  get cluster(): ClusterState | null {
    return this.frontier.state.clusters[cluster] ?? null;
  }

  note(sentence: string): void {
    this.#invariants.note(sentence);
  }

  async run(): Promise<Outcome> {
    const { plan, env } = this;
    const ids = Array.from({ length: plan.managers }, (_, index) => managerId(`m${index + 1}`));
    for (const id of ids) this.addSeat(id, bootstrapMembership(ids));
    declaration(this);
    this.clients.start();
    this.operator.start();
    for (const fault of plan.faults) env.queue.after(fault.atMs, () => this.isCalm || carryOut(this, fault));
    await env.queue.runUntil(() => this.isBroken, plan.lengthMs);
    if (!this.isBroken) await this.#converge();
    return this.#outcome();
  }

  get isBroken(): boolean {
    return this.raftChecks.violations.length > 0 || this.#invariants.violations.length > 0 || this.#bugs.length > 0;
  }

  /** A manager with an empty disk. */
  addSeat(id: ManagerId, bootstrap: Membership = noMembers): void {
    const disk = new SimDisk(this.env.queue, createPrng(this.env.random.int(0, 2 ** 31)), (stored) => {
      if (!this.#isForgetful(id)) this.raftChecks.durable(id, stored);
    });
    const isFine = { isGone: false, isForgetful: false, isSetBack: false, clockOffsetMs: 0 };
    const seat: Omit<Seat, 'node'> = { id, bootstrap, disk, ...isFine };
    this.#begin(seat as Seat);
  }

  /** Starts a manager that has ended. */
  restart(id: ManagerId): void {
    const seat = this.seats.get(id);
    if (seat === undefined || seat.isGone || seat.node.process.state !== 'dead') return;
    this.env.trace.say(id, 'starts');
    this.#begin(seat);
  }

  kill(id: ManagerId, isFinal = false): void {
    const seat = this.seats.get(id);
    if (seat === undefined) return;
    seat.isGone ||= isFinal;
    if (seat.node.process.state === 'dead') return;
    // Whoever could have told is about to forget it: no promise is made from here on, and a person steps in.
    for (const other of this.seats.values()) if (other.isSetBack && other !== seat) this.kill(other.id, true);
    this.env.trace.say(id, 'is killed');
    seat.node.process.kill();
    // A disk that finishes the write after all says so to nobody.
    seat.disk.crash();
    if (!seat.isForgetful) this.raftChecks.crashed(id);
  }

  /** The node of a seat: with nothing of its own before, or never seen again under this disk. */
  #begin(seat: Seat): void {
    const { env, wire, servers, plan } = this;
    const { electionTimeoutMs, heartbeatMs } = plan;
    const { snapshotEntries, trailingEntries, snapshotChunkBytes } = plan;
    const { inflightMessagesMax, inflightBytesMax, appendBytesMax } = plan;
    const windows = { inflightMessagesMax, inflightBytesMax, appendBytesMax };
    const before: SimNode | undefined = seat.node;
    seat.node = new SimNode({
      env, id: seat.id, cluster, bootstrap: seat.bootstrap, disk: seat.disk, wire, servers, electionTimeoutMs,
      heartbeatMs, limits: { snapshotEntries, trailingEntries, snapshotChunkBytes, ...windows }, probing,
      clockOffsetMs: () => seat.clockOffsetMs, observer: this.#observer(),
    });
    this.seats.set(seat.id, seat);
    if (before === undefined) this.nodes.push(seat.node);
    else this.nodes.splice(this.nodes.indexOf(before), 1, seat.node);
    if (!seat.isForgetful) this.raftChecks.restarted(seat.id, seat.disk.stored);
    seat.node.start();
  }

  #isForgetful(id: ManagerId): boolean {
    return this.seats.get(id)?.isForgetful === true;
  }

  #observer(): NodeObserver {
    return {
      applied: (_, entry, result) => this.#applied(entry, result),
      stepped: (node, ...step) => this.#stepped(node, ...step),
      sends: ({ id }, to, message) => {
        if (!this.#isForgetful(id)) this.raftChecks.sent(id, to, message);
      },
      acted: (...action) => this.#invariants.acted(...action),
      locked: (session) => this.#invariants.locked(session),
      ended: (node, reason, isFinal) => this.#ended(node, reason, isFinal),
      bug: (node, thrown) => {
        this.#bugs.push(`${node.id}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
      },
    };
  }

  #stepped({ id }: SimNode, ...[input, outputs, core]: StepArguments): void {
    if (this.#isForgetful(id)) return;
    const { raftChecks } = this;
    if (input.kind === 'receive') raftChecks.received(id, input.from, input.message);
    else if (input.kind === 'tick') raftChecks.ticked(id);
    else if (input.kind === 'read-request') raftChecks.readAsked(id, input.readId);
    else if (input.kind === 'snapshot-taken') this.#snapshots += 1;
    if (outputs.length === 0) return;
    for (const output of outputs) {
      // What a disk is to blame for ends the process, as it must.
      if (output.kind === 'halt' && output.reason.includes(diskFailure)) continue;
      if (output.kind === 'membership-changed' && output.isCommitted) {
        this.frontier.membership(output.index, output.membership);
      }
      raftChecks.observed(id, output);
    }
    raftChecks.view(id, core.inspect());
  }

  #basisOf(manager: ManagerId, sentAtMs: number): Basis {
    const node = this.seats.get(manager)?.node;
    // Of another life: its session is known to end late.
    if (node === undefined || sentAtMs < node.bornAtMs) return { fault: null, knewUntilMs: -Infinity };
    const { proofs } = node;
    const proof = proofs.before(sentAtMs);
    if (proof === null) return { fault: 'it has never proved its leadership', knewUntilMs: sentAtMs };
    const isFresh = sentAtMs - proof.doneAtMs <= freshProofMs || proofs.sleptBetween(proof.doneAtMs, sentAtMs);
    const ageMs = (sentAtMs - proof.doneAtMs).toFixed(0);
    return { fault: isFresh ? null : `its proof of leadership was ${ageMs} ms old`, knewUntilMs: proof.beganAtMs };
  }

  #ended(node: SimNode, reason: string, isFinal: boolean): void {
    const { env } = this;
    const seat = this.seats.get(node.id);
    if (seat?.node !== node || node.process.state === 'dead') return;
    env.trace.say(node.id, `ends: ${reason}`);
    const isRemoved = this.frontier.removed.has(node.id) || node.committed.removed.includes(node.id);
    const isOfDisk = seat.disk.fault !== null || (!isFinal && reason.includes(diskFailure));
    const mayEnd = seat.isForgetful || isRemoved || isOfDisk;
    if (!mayEnd) this.#bugs.push(`${node.id} ends: ${reason}`);
    this.kill(node.id, isFinal || seat.isForgetful);
    // As a service manager does.
    env.queue.after(restartAfterMs, () => this.restart(node.id));
  }

  #applied(entry: AppliedEntry, result: unknown): void {
    if (entry.index <= this.frontier.index) return;
    if (typeof result === 'number') this.ledger.ran(result);
    this.frontier.advance(entry, result);
  }

  async #converge(): Promise<void> {
    this.isCalm = true;
    const { env, wire } = this;
    env.trace.say('sim', 'everything is repaired');
    wire.calm();
    env.network.healAll();
    for (const seat of this.seats.values()) {
      seat.disk.mend();
      seat.node.process.resume();
      this.restart(seat.id);
      env.queue.after(10, () => seat.node.process.deliver(() => seat.node.raft.setDiskLow(false)));
    }
    for (const server of this.servers) {
      Object.assign(server, { isHung: false, isFull: false, applyMs: this.plan.applyMs });
      server.start();
    }
    const isOver = (): boolean => this.isBroken || whyNotConverged(this) === null;
    await env.queue.runUntil(isOver, convergeWithinMs);
    const why = whyNotConverged(this);
    if (why !== null && !this.isBroken) this.note(`liveness: ${why}`);
    if (why === null && this.plan.endsWithDeath) await this.#lastDeath();
    // What was lost on the way shows itself when all have applied the same.
    await env.queue.runUntil(() => this.isBroken, 500);
    if (!this.isBroken) this.writes.atTheEnd(this);
  }

  /** With everything else in order the primary dies for good: another one must take writes soon. */
  async #lastDeath(): Promise<void> {
    const { env } = this;
    const isTidy = (): boolean => this.isBroken || whoDoesNotFollow(this) === null;
    const areAllFollowing = await env.queue.runUntil(isTidy, tidyWithinMs);
    const old = this.servers.find(({ name }) => name === this.cluster?.primary);
    if (!areAllFollowing && !this.isBroken) this.note(`liveness: ${String(whoDoesNotFollow(this))} does not follow`);
    if (this.isBroken || old === undefined) return;
    await this.#mustTakeWrites(old.name);
    // A long relay log is executed first, however long that takes.
    if (this.servers.some(({ replica }) => (replica?.relayLog.length ?? 0) > relayLogMax)) return;
    // Long enough for the managers to see it.
    await env.queue.runUntil(() => this.isBroken, seenWithinMs);
    env.trace.say('sim', `${old.name} dies for good`);
    old.crash();
    for (const node of this.nodes) node.prober.noticeEnd(old);
    const isReplaced = (): boolean => this.cluster?.primary !== old.name && whyNotConverged(this) === null;
    await env.queue.runUntil(() => this.isBroken || isReplaced(), replacedWithinMs);
    if (this.isBroken) return;
    const why = this.cluster?.primary === old.name ? 'nothing happens' : whyNotConverged(this);
    if (why !== null) this.note(`liveness: ${old.name} is dead, everything else is well, and ${why}`);
    else await this.#mustTakeWrites(this.cluster?.primary ?? '');
  }

  /** Clients write all the time: one of their writes must be acknowledged soon. */
  async #mustTakeWrites(primary: string): Promise<void> {
    const { acknowledgedWrites } = this.clients;
    const before = acknowledgedWrites.length;
    const isTaken = (): boolean => acknowledgedWrites.slice(before).some(({ server }) => server === primary);
    await this.env.queue.runUntil(() => this.isBroken || isTaken(), writtenWithinMs);
    if (!this.isBroken && !isTaken()) this.note(`liveness: no write is acknowledged by ${primary}`);
  }

  #outcome(): Outcome {
    const { history = [], operation = null } = this.cluster ?? {};
    const ended = [...history, ...(operation === null ? [] : [operation])];
    return {
      violations: [...this.raftChecks.violations, ...this.#invariants.violations, ...this.#bugs],
      operations: ended.length,
      failovers: ended.filter(({ kind, phase }) => kind === 'failover' && phase === 'done').length,
      blocked: operation?.phase === 'blocked' ? 1 : 0,
      leaderChanges: Math.max(0, this.raftChecks.termsLed - 1),
      steps: this.#steps,
      simulatedMs: Math.round(this.env.queue.nowMs),
      acknowledged: this.ledger.acknowledged,
      snapshots: this.#snapshots,
      happened: this.happened,
      traceHash: `${this.env.queue.digest.toString(16)}-${this.env.trace.hash().slice(0, 24)}`,
    };
  }
}
