/**
 * One seed: a quorum of managers with real code, simulated servers, faults by plan, checks all along; then everything
 * is repaired, and it must converge.
 */
import { clusterName, managerId, serverName } from '../../src/base/index.js';
import type { ManagerId } from '../../src/base/index.js';
import type { ClusterState, CommandResult } from '../../src/ha/index.js';
import { decodeCommand } from '../../src/manager/command-codec.js';
import { bootstrapMembership, noMembers } from '../../src/raft/index.js';
import type { AppliedEntry, Membership } from '../../src/raft/index.js';
import { createEnvironment } from '../world/environment.js';
import type { Environment } from '../world/environment.js';
import { Invariants } from '../world/invariants.js';
import { SimServer } from '../world/sim-server.js';
import { Frontier } from './checks/frontier.js';
import { LedgerChecks } from './checks/ledger-checks.js';
import { RaftChecks } from './checks/raft-checks.js';
import { Clients } from './clients.js';
import { declaration } from './declaration.js';
import { SimDisk } from './disk.js';
import { carryOut } from './faults.js';
import { Operator } from './operator.js';
import type { FaultKind, Plan } from './plan.js';
import { SimNode } from './sim-node.js';
import type { NodeObserver } from './sim-node.js';
import { Wire } from './wire.js';

export const cluster = clusterName('app1');
const restartAfterMs = 700;
/** How long convergence may take once everything is repaired. */
export const convergeWithinMs = 60_000;

/** A manager across its lives. */
export interface Seat {
  readonly id: ManagerId;
  readonly bootstrap: Membership;
  readonly disk: SimDisk;
  node: SimNode;
  /** Never to be started again: removed, refused, or its disk is gone. */
  isGone: boolean;
  /** Its disk was replaced by an older copy: it must not be let in, and may notice it by itself. */
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

export class Simulation {
  readonly plan: Plan;
  readonly env: Environment;
  readonly wire: Wire;
  readonly servers: readonly SimServer[];
  readonly seats = new Map<ManagerId, Seat>();
  readonly checks: RaftChecks;
  readonly frontier = new Frontier();
  readonly ledger: LedgerChecks;
  readonly clients: Clients;
  readonly operator: Operator;
  readonly happened: Partial<Record<FaultKind, number>> = {};
  readonly #disks = new Map<ManagerId, SimDisk>();
  readonly #invariants: Invariants;
  readonly #bugs: string[] = [];
  #steps = 0;
  #isCalm = false;

  constructor(plan: Plan) {
    this.plan = plan;
    this.env = createEnvironment(plan.seed);
    this.wire = new Wire(this.env);
    const note = (sentence: string): void => this.#invariants.note(sentence);
    this.checks = new RaftChecks({ disks: this.#disks, note });
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
    const nodes: readonly SimNode[] = [];
    this.#invariants = new Invariants({
      env: this.env, cluster, log: this.frontier, servers: this.servers,
      managers: new Proxy(nodes, { get: (_target, key) => Reflect.get(this.nodes, key) as unknown }),
    });
    this.env.queue.observe(() => {
      this.#steps += 1;
    });
    this.clients = new Clients({ env: this.env, nodes: () => this.nodes, servers: this.servers, ledger: this.ledger });
    this.operator = new Operator(this);
  }

  /** The present life of each manager, ended ones included. */
  get nodes(): readonly SimNode[] {
    return [...this.seats.values()].map((seat) => seat.node);
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
    this.operator.declare();
    for (const fault of plan.faults) env.queue.after(fault.atMs, () => this.#isCalm || carryOut(this, fault));
    const isOver = (): boolean => this.#invariants.violations.length > 0 || this.#bugs.length > 0;
    await env.queue.runUntil(isOver, plan.lengthMs);
    if (!isOver()) await this.#converge(isOver);
    return this.#outcome();
  }

  /** A manager with an empty disk. */
  addSeat(id: ManagerId, bootstrap: Membership = noMembers): void {
    const disk = new SimDisk(this.env.queue, this.env.random, (before, batch) => this.checks.wrote(id, before, batch));
    this.#disks.set(id, disk);
    const seat: Omit<Seat, 'node'> = { id, bootstrap, disk, isGone: false, isSetBack: false, clockOffsetMs: 0 };
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
    this.env.trace.say(id, 'is killed');
    seat.node.process.kill();
    seat.isGone ||= isFinal;
  }

  #begin(seat: Seat): void {
    const { env, wire, servers, plan } = this;
    seat.node = new SimNode({
      env, id: seat.id, cluster, bootstrap: seat.bootstrap, disk: seat.disk, wire, servers,
      snapshotEntries: plan.snapshotEntries, trailingEntries: plan.trailingEntries,
      clockOffsetMs: () => seat.clockOffsetMs, observer: this.#observer(),
    });
    this.seats.set(seat.id, seat);
    seat.node.start();
  }

  #observer(): NodeObserver {
    return {
      applied: (node, entry, result) => this.#applied(node, entry, result),
      sends: (node, to, message) => this.checks.sends(node, to, message),
      changedRole: (node, status) => this.checks.changedRole(node, status),
      acted: (session, verb) => this.#invariants.acted(session, verb),
      locked: (session) => this.#invariants.locked(session),
      ended: (node, reason, isFinal) => this.#ended(node, reason, isFinal),
      bug: (node, thrown) => {
        this.#bugs.push(`${node.id}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
      },
    };
  }

  #ended(node: SimNode, reason: string, isFinal: boolean): void {
    const { env } = this;
    env.trace.say(node.id, `ends: ${reason}`);
    const isSetBack = this.seats.get(node.id)?.isSetBack === true;
    // An own check of the core: a bug, unless its disk is to blame.
    if (!isFinal && !isSetBack && !reason.includes('EIO')) this.#bugs.push(`${node.id} halted: ${reason}`);
    this.kill(node.id, isFinal || isSetBack);
    // As a service manager does.
    env.queue.after(restartAfterMs, () => this.restart(node.id));
  }

  #applied(node: SimNode, entry: AppliedEntry, result: unknown): void {
    if (!this.checks.applied(node, entry)) return;
    if (typeof result === 'number') this.ledger.ran(result);
    else this.frontier.advance(entry.index, decodeCommand(entry.command), result as CommandResult, node.state);
  }

  async #converge(isOver: () => boolean): Promise<void> {
    this.#isCalm = true;
    const { env, wire } = this;
    env.trace.say('sim', 'everything is repaired');
    wire.calm();
    env.network.healAll();
    for (const seat of this.seats.values()) {
      Object.assign(seat.disk, { slowness: 1, isHung: false, failsNextWrite: false });
      seat.node.process.resume();
      this.restart(seat.id);
      env.queue.after(10, () => seat.node.process.deliver(() => seat.node.raft.setDiskLow(false)));
    }
    for (const server of this.servers) {
      Object.assign(server, { isHung: false, isFull: false, applyMs: 0.5 });
      server.start();
    }
    const hasConverged = await env.queue.runUntil(() => isOver() || this.#whyNotConverged() === null, convergeWithinMs);
    if (!hasConverged && !isOver()) this.note(`liveness: ${this.#whyNotConverged() ?? 'converged in the last moment'}`);
    // What was lost on the way shows itself when all have applied the same.
    await env.queue.runUntil(isOver, 500);
  }

  /** Null: one leads, all members have applied the same, and no operation runs. */
  #whyNotConverged(): string | null {
    const { leader } = this;
    if (leader === null) return 'nobody leads';
    const { membership, commitIndex } = leader.raft.status();
    if (membership.learners.some((learner) => learner.then === 'vote')) return 'a learner is not a voter yet';
    for (const { id } of [...membership.voters, ...membership.learners]) {
      const seat = this.seats.get(id);
      if (seat === undefined || seat.isGone) continue;
      const { appliedIndex, leader: follows } = seat.node.raft.status();
      if (follows !== leader.id) return `${id} does not follow ${leader.id}`;
      if (appliedIndex < commitIndex) return `${id} has applied ${appliedIndex} of ${commitIndex}`;
    }
    const state = this.cluster;
    if (state === null) return 'the cluster was never declared';
    if (state.operation !== null && state.operation.phase !== 'blocked') {
      return `${state.operation.id} is ${state.operation.phase} at ${String(state.operation.journal.at(-1)?.step)}`;
    }
    return null;
  }

  #outcome(): Outcome {
    const { history = [], operation = null } = this.cluster ?? {};
    const ended = [...history, ...(operation === null ? [] : [operation])];
    return {
      violations: [...this.#invariants.violations, ...this.#bugs],
      operations: ended.length,
      failovers: ended.filter(({ kind, phase }) => kind === 'failover' && phase === 'done').length,
      blocked: operation?.phase === 'blocked' ? 1 : 0,
      leaderChanges: Math.max(0, this.checks.termsLed - 1),
      steps: this.#steps,
      simulatedMs: Math.round(this.env.queue.nowMs),
      acknowledged: this.ledger.acknowledged,
      snapshots: this.checks.snapshotsTaken,
      happened: this.happened,
      traceHash: this.env.trace.hash(),
    };
  }
}
