/**
 * One simulated manager: what the composition root of the real one does, over simulated parts. It applies entries,
 * follows who leads, begins and ends reigns, keeps its right to name a primary, and runs the supervisor of `ha`
 * unchanged.
 */
import { createPrng } from '../../src/base/index.js';
import type { ClusterName, ManagerId, ServerName, Term } from '../../src/base/index.js';
import { limits, ObservationTable, Supervisor } from '../../src/ha/index.js';
import type { Command, HaPorts, HaState, LogOutcome, Observation } from '../../src/ha/index.js';
import { AnswerRight } from '../../src/manager/answer-right.js';
import type { Environment } from './environment.js';
import { ManagerProcess } from './manager-process.js';
import { PortCalls } from './port-calls.js';
import { Prober } from './prober.js';
import type { ReplicatedLog } from './replicated-log.js';
import { ConfirmingRounds } from './confirming-rounds.js';
import type { ActionObserver } from './sim-action-session.js';
import { SimServersPort } from './sim-servers-port.js';
import type { SimServer } from './sim-server.js';
import type { SimSession } from './sim-session.js';

export interface SimManagerOptions {
  readonly env: Environment;
  readonly id: ManagerId;
  readonly cluster: ClusterName;
  readonly log: ReplicatedLog;
  readonly servers: readonly SimServer[];
  readonly peers: () => readonly SimManager[];
  readonly onAction: ActionObserver;
  readonly onLock: (session: SimSession) => void;
  readonly onBug: (thrown: unknown) => void;
}

/** What becomes of a proposal whose answer is lost, or that is not even taken. */
export type LostProposal = 'applied' | 'not-applied' | 'dropped';

const pulseEveryMs = 100;

export class SimManager {
  readonly id: ManagerId;
  readonly process: ManagerProcess;
  readonly calls: PortCalls;
  readonly prober: Prober;
  readonly rounds: ConfirmingRounds;
  readonly #options: SimManagerOptions;
  readonly #servers: SimServersPort;
  readonly #table = new ObservationTable();
  readonly #right: AnswerRight;
  #appliedIndex = 0;
  #reign: { readonly term: Term; readonly supervisor: Supervisor } | null = null;
  #wakers: (() => void)[] = [];
  #lost: { readonly kind: Command['kind']; readonly outcome: LostProposal } | null = null;

  constructor(options: SimManagerOptions) {
    const { env, id, servers, onAction, onLock } = options;
    this.#options = options;
    this.id = id;
    this.process = new ManagerProcess(id, env.queue);
    this.calls = new PortCalls(env, this.process);
    this.#servers = new SimServersPort({ env, manager: id, calls: this.calls, servers, onAction, onLock });
    this.process.onDeath(() => this.#servers.endSessions());
    this.#right = new AnswerRight({ rightMs: limits.answerRightMs, nowMs: () => env.queue.nowMs });
    this.prober = new Prober({
      env, process: this.process, cluster: options.cluster, servers, onObservation: (seen) => this.#tell(seen),
    });
    this.rounds = new ConfirmingRounds(env, this.process, this.prober, this.calls, options.peers);
  }

  get state(): HaState {
    return this.#options.log.stateAt(this.#appliedIndex);
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get supervisor(): Supervisor | null {
    return this.#reign?.supervisor ?? null;
  }

  /** What its health endpoint says: the primary, or null for 503. */
  get named(): ServerName | null {
    if (this.process.state !== 'running' || !this.#right.holds(this.#appliedIndex as never)) return null;
    const cluster = this.state.clusters[this.#options.cluster];
    return cluster === undefined || cluster.hiddenSinceIndex !== null ? null : cluster.primary;
  }

  start(): void {
    this.prober.start();
    this.#pulse();
  }

  /** The next proposal of this kind gets no answer; whether it is in the log is for the test to say. */
  loseProposal(kind: Command['kind'], outcome: LostProposal): void {
    this.#lost = { kind, outcome };
  }

  /** Entries up to `index` have come in. */
  apply(index: number): void {
    if (index <= this.#appliedIndex) return;
    this.#appliedIndex = index;
    this.#table.retain(this.#voters(), this.state.clusters);
    // At once, so that a leader that waits for the endpoints to fall silent need not wait for the next pulse.
    this.#askForRight();
    this.#announce();
  }

  /** It has heard who leads. */
  followLeader(): void {
    const { log } = this.#options;
    this.#right.forgetQuestions();
    const leads = log.leader === this.id;
    if (this.#reign !== null && (!leads || this.#reign.term !== log.term)) {
      this.#reign = null;
      this.#announce();
    }
    if (!leads) {
      this.#send(log.leader, (leader) => [...this.prober.latest().values()].forEach((seen) => leader.record(seen)));
      return;
    }
    if (this.#reign === null) this.#beginReign(log.term);
  }

  record(observation: Observation): void {
    this.#table.record(observation, this.#options.env.queue.nowMs);
    this.#announce();
  }

  #voters(): readonly ManagerId[] {
    return this.#options.peers().map((peer) => peer.id);
  }

  #beginReign(term: Term): void {
    this.#right.beginReign(this.#voters().filter((voter) => voter !== this.id));
    const { env, cluster, onBug } = this.#options;
    const supervisor = new Supervisor({
      ports: this.#ports(term),
      cluster,
      table: this.#table,
      isReigning: () => this.#reign?.term === term,
      news: (withinMs) => this.#news(withinMs),
    });
    this.#reign = { term, supervisor };
    supervisor.run().catch((thrown: unknown) => {
      env.trace.say(this.id, `bug: ${String(thrown)}`);
      onBug(thrown);
    });
  }

  #ports(term: Term): HaPorts {
    const { env, log } = this.#options;
    return {
      clock: {
        nowMs: () => env.queue.nowMs,
        sleep: (ms) => new Promise((resolve) => this.process.after(ms, resolve)),
      },
      random: createPrng(env.random.int(0, 2 ** 31)),
      log: {
        self: this.id,
        term,
        state: () => this.state,
        propose: (command) => this.#propose(term, command),
        proveLeadership: () => this.#proveLeadership(log, term),
      },
      servers: this.#servers,
      quorum: { voters: this.#voters(), confirm: (...round) => this.rounds.confirm(...round) },
      endpoints: { quietSince: (index) => this.#quietSince(index) },
      report: ({ kind, sentence }) => env.trace.say(this.id, `${kind}: ${sentence}`),
    };
  }

  #propose(term: Term, command: Command): Promise<LogOutcome> {
    const { log } = this.#options;
    const lost = this.#lost?.kind === command.kind ? this.#lost : null;
    if (lost !== null) this.#lost = null;
    let index = 0;
    const options = { label: `propose ${command.kind}`, onReturn: () => this.apply(index) };
    return this.calls.call<LogOutcome>(options, (answer) => {
      if (lost?.outcome === 'not-applied' || lost?.outcome === 'dropped') {
        answer.ok({ kind: lost.outcome === 'dropped' ? 'dropped' : 'lost', reason: 'no answer, or too much waits' });
        return;
      }
      const entry = log.append(this.id, term, command);
      if (entry === null || lost !== null) {
        answer.ok({ kind: 'lost', reason: 'leadership is gone, or there is no answer' });
        return;
      }
      index = entry.index;
      answer.ok({ kind: 'applied', index, result: entry.result });
    });
  }

  #proveLeadership(log: ReplicatedLog, term: Term): Promise<boolean> {
    let index = 0;
    return this.calls.call<boolean>({ label: 'prove-leadership', onReturn: () => this.apply(index) }, (answer) => {
      const isLeader = log.isLeader(this.id, term);
      if (isLeader) index = log.lastIndex;
      answer.ok(isLeader);
    });
  }

  #quietSince(index: number): Promise<void> {
    const { queue } = this.#options.env;
    return this.calls.call<void>({ label: 'quiet-since' }, (answer) => {
      const endsAtMs = queue.nowMs + this.#right.msUntilQuiet(index);
      const look = (): void => {
        const waitMs = Math.min(endsAtMs - queue.nowMs, this.#right.msUntilQuiet(index));
        if (waitMs <= 0) answer.ok(undefined);
        else this.process.after(Math.min(waitMs, 5), look);
      };
      look();
    });
  }

  #tell(observation: Observation): void {
    this.record(observation);
    this.#send(this.#options.log.leader, (leader) => leader.record(observation));
  }

  /** A message to another manager, over the network. */
  #send(to: ManagerId | null, receive: (peer: SimManager) => void): void {
    const { env, peers } = this.#options;
    const peer = peers().find((candidate) => candidate.id === to);
    if (peer === undefined || peer === this) return;
    env.queue.after(env.network.latencyMs(), () => {
      if (!env.network.isCut(this.id, peer.id)) peer.process.deliver(() => receive(peer));
    });
  }

  #pulse(): void {
    this.#askForRight();
    this.process.after(pulseEveryMs, () => this.#pulse());
  }

  #askForRight(): void {
    const { env, log } = this.#options;
    const beganAtMs = env.queue.nowMs;
    if (log.leader === this.id) {
      const { term } = log;
      env.queue.after(env.network.latencyMs() * 2, () => {
        const { lastIndex } = log;
        if (!log.isLeader(this.id, term)) return;
        this.process.deliver(() => {
          this.apply(lastIndex);
          this.#right.proved(beganAtMs, lastIndex as never);
        });
      });
    } else {
      const seq = this.#right.ask();
      const applied = this.#appliedIndex;
      this.#send(log.leader, (leader) => leader.grant(this, seq, applied));
    }
  }

  /** As leader: another manager asks whether it may answer. */
  grant(to: SimManager, seq: number, applied: number): void {
    const isProved = this.#options.log.leader === this.id && this.#right.holds(this.#appliedIndex as never);
    if (!this.#right.grant(to.id, applied as never, isProved)) return;
    const commitIndex = this.#appliedIndex;
    this.#send(to.id, (asker) => asker.granted(seq, commitIndex));
  }

  granted(seq: number, commitIndex: number): void {
    // What it missed while it was cut off comes in with the leader's next words.
    this.apply(commitIndex);
    this.#right.granted(seq, commitIndex as never);
  }

  #news(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.push(resolve);
      this.process.after(withinMs, resolve);
    });
  }

  #announce(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    if (wakers.length > 0) this.#options.env.queue.woke();
    for (const wake of wakers) wake();
  }
}
