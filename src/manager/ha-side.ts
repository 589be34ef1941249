/**
 * The part of a manager that judges and repairs: observations, reigns, the right to answer, over whatever carries its
 * messages, probes the servers and gives it time. The simulator runs this same file. It decides nothing itself: what to
 * do is decided in `ha`, by whoever reigns.
 */
import type { ManagerId, Prng } from '../base/index.js';
import { ObservationTable, limits } from '../ha/index.js';
import type { ClockPort, HaEvent, HaPorts, HaState } from '../ha/index.js';
import type { Observation, ReceivedObservation, ServersPort } from '../ha/index.js';
import type { RaftNode, Timers } from '../raft/index.js';
import { AnswerRight, rightMsFor } from './answer-right.js';
import { HaChannel } from './ha-channel.js';
import type { HaChannelOptions } from './ha-channel.js';
import type { HaMachine } from './ha-machine.js';
import { ReignLogPort } from './log-port.js';
import { News } from './news.js';
import { quietSince } from './quiet-endpoints.js';
import { Reign } from './reign.js';

/** Probes every declared server, always. */
export interface ServerWatch {
  /** Makes the probers fit the state. */
  follow(state: HaState): void;
  latest(): ReadonlyMap<string, Observation>;
  probeAll: HaChannelOptions['watchers']['probeAll'];
  stop(): void;
}

export interface HaSideOptions {
  readonly self: ManagerId;
  readonly electionTimeoutMs: number;
  readonly raft: RaftNode;
  readonly rpc: HaChannelOptions['rpc'];
  readonly machine: HaMachine;
  readonly watch: (onObservation: (observation: Observation) => void) => ServerWatch;
  readonly servers: ServersPort;
  readonly clock: ClockPort;
  readonly timers: Timers;
  readonly random: Prng;
  /** Of this life of the process: names its proposals, so that a repeated one runs once. */
  readonly proposer: string;
  readonly report: (event: HaEvent) => void;
  readonly log: (event: string, facts: Record<string, unknown>) => void;
  /** Something that is no expected outcome: the process must end. */
  readonly onBug: (thrown: unknown) => void;
}

export class HaSide {
  readonly right: AnswerRight;
  readonly #options: HaSideOptions;
  readonly #table = new ObservationTable();
  readonly #own = new Map<string, ReceivedObservation>();
  readonly #news: News;
  readonly #watch: ServerWatch;
  readonly #channel: HaChannel;
  #proposals = 0;
  #reign: Reign | null = null;
  #isStopping = false;

  constructor(options: HaSideOptions) {
    this.#options = options;
    const { self, raft, rpc, timers, clock, electionTimeoutMs } = options;
    this.#news = new News(timers);
    const nowMs = (): number => clock.nowMs();
    this.right = new AnswerRight({ rightMs: rightMsFor(electionTimeoutMs, limits.answerRightMs), nowMs });
    this.#watch = options.watch((observation) => this.#channel.tell(observation));
    this.#channel = new HaChannel({
      self,
      raft,
      rpc,
      watchers: this.#watch,
      right: this.right,
      timers,
      nowMs,
      onObservation: (observation) => this.#record(observation),
    });
  }

  /** Null unless this manager leads. */
  get reign(): Reign | null {
    return this.#reign;
  }

  /** What this manager itself saw last. */
  get own(): ReadonlyMap<string, ReceivedObservation> {
    return this.#own;
  }

  /** Before Raft starts, so that nothing is missed. */
  start(): void {
    const { raft } = this.#options;
    raft.onApplied(() => this.#followState());
    raft.onRoleChange((status) => this.#followRole(status.role === 'leader', status.term));
    this.#channel.start();
  }

  /** For good: nothing more is begun here, elected again or not; what runs is taken over by whoever leads next. */
  endReign(): void {
    this.#isStopping = true;
    this.#reign?.end();
  }

  stop(): void {
    this.#channel.stop();
    this.#watch.stop();
  }

  #followState(): void {
    const { machine, raft } = this.#options;
    this.#table.retain(raft.status().voters, machine.state.clusters);
    this.#watch.follow(machine.state);
    for (const key of this.#own.keys()) if (!this.#watch.latest().has(key)) this.#own.delete(key);
    this.#reign?.follow(machine.state);
    this.#news.announce();
  }

  #followRole(isLeader: boolean, term: Reign['term']): void {
    const { log, machine, onBug } = this.#options;
    if (this.#reign !== null && (!isLeader || this.#reign.term !== term)) {
      this.#reign.end();
      this.#reign = null;
      log('reign-ended', { term });
    }
    // Elected again while it stops: whatever it began would be cut off in the middle.
    if (!isLeader || this.#reign !== null || this.#isStopping) return;
    log('reign-begun', { term });
    this.#reign = new Reign({ term, ports: this.#ports(term), table: this.#table, news: this.#news, onBug });
    this.#reign.follow(machine.state);
  }

  #ports(term: Reign['term']): HaPorts {
    const { raft, machine, clock, random, servers, report, electionTimeoutMs } = this.#options;
    return {
      clock,
      random,
      log: new ReignLogPort({
        raft,
        term,
        electionTimeoutMs,
        isEnding: () => this.#isStopping,
        state: () => machine.state,
        nextSession: () => this.#nextSession(),
        clock,
      }),
      servers,
      quorum: this.#channel,
      endpoints: { quietSince: (index) => quietSince(this.right, index, clock) },
      report,
    };
  }

  #record(observation: Observation): void {
    const nowMs = this.#options.clock.nowMs();
    const isNews = this.#isNews(observation);
    this.#table.record(observation, nowMs);
    if (observation.manager === this.#options.self) {
      this.#own.set(`${observation.cluster}/${observation.server}`, { ...observation, receivedAtMs: nowMs });
    }
    if (isNews) this.#news.announce();
  }

  /** Misses and first answers are worth waking for; the same answer again is not. */
  #isNews(observation: Observation): boolean {
    const before = this.#own.get(`${observation.cluster}/${observation.server}`);
    return observation.outcome.kind !== 'ok' || before?.outcome.kind !== 'ok';
  }

  #nextSession(): { readonly id: string; readonly serial: number } {
    this.#proposals += 1;
    return { id: this.#options.proposer, serial: this.#proposals };
  }
}
