/**
 * One manager: store, Raft, transport, probers, HTTP, put together and taken apart again. Knows all parts and decides
 * nothing: what to do is decided in `ha`, by whoever reigns.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { createPrng } from '../base/index.js';
import type { Secret } from '../base/index.js';
import { nodeSecretSource, resolveSecret } from '../config/index.js';
import type { LoadedManagerConfig } from '../config/index.js';
import { ObservationTable, limits } from '../ha/index.js';
import type { HaEvent, HaPorts, Observation, ReceivedObservation } from '../ha/index.js';
import { createHttpServer } from '../http/index.js';
import { nodeTimers } from '../raft/index.js';
import type { RaftNode } from '../raft/index.js';
import type { RpcNode } from '../rpc/index.js';
import type { Addresses } from './addresses.js';
import { AnswerRight, rightMsFor } from './answer-right.js';
import { Backend } from './backend.js';
import type { Failpoint } from './failpoint.js';
import { HaChannel } from './ha-channel.js';
import type { HaMachine } from './ha-machine.js';
import type { Logger } from './log.js';
import { ReignLogPort } from './log-port.js';
import { News } from './news.js';
import { quietSince } from './quiet-endpoints.js';
import type { Quorum } from './quorum.js';
import { Reign } from './reign.js';
import { MysqlServersPort } from './servers-port.js';
import { Watchers } from './watchers.js';

export interface Manager {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Settles with the reason when this process must end: storage failed, an invariant broke, a bug. */
  readonly failed: Promise<string>;
}

export interface ManagerParts {
  readonly loaded: LoadedManagerConfig;
  readonly clusterId: string;
  readonly log: Logger;
  readonly failpoint: Failpoint;
  readonly rpc: RpcNode;
  readonly raft: RaftNode;
  readonly machine: HaMachine;
  readonly quorum: Quorum;
  readonly addresses: Addresses;
}

const clock = {
  nowMs: (): number => performance.now(),
  sleep: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)),
};

export class RunningManager implements Manager {
  readonly failed: Promise<string>;
  readonly #parts: ManagerParts;
  readonly #table = new ObservationTable();
  readonly #own = new Map<string, ReceivedObservation>();
  readonly #news = new News();
  readonly #right: AnswerRight;
  readonly #watchers: Watchers;
  readonly #channel: HaChannel;
  readonly #http: ReturnType<typeof createHttpServer>;
  readonly #proposer = `m-${randomBytes(8).toString('hex')}`;
  #proposals = 0;
  #reign: Reign | null = null;
  #fail: (reason: string) => void = () => undefined;

  constructor(parts: ManagerParts) {
    this.#parts = parts;
    const { loaded, raft, rpc, quorum } = parts;
    const { config } = loaded;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    void raft.halted.then((reason) => this.#fail(reason));
    void quorum.expelled.then((reason) => this.#fail(reason));
    this.#right = new AnswerRight({
      rightMs: rightMsFor(config.raft.electionTimeoutMs, limits.answerRightMs),
      nowMs: () => performance.now(),
    });
    this.#watchers = new Watchers({
      self: config.id,
      secret: (ref) => this.#secret(ref),
      onObservation: (observation) => this.#channel.tell(observation),
    });
    this.#channel = new HaChannel({
      self: config.id,
      raft,
      rpc,
      watchers: this.#watchers,
      right: this.#right,
      timers: nodeTimers,
      nowMs: () => performance.now(),
      onObservation: (observation) => this.#record(observation),
    });
    this.#http = createHttpServer({
      listen: config.listen.http,
      backend: this.#backend(),
      token: loaded.token,
      log: { error: (facts, sentence) => parts.log.error(facts, sentence) },
    });
  }

  async start(): Promise<void> {
    const { raft, rpc, loaded, log, machine, quorum } = this.#parts;
    for (const warning of loaded.warnings) log.warn({ event: 'config-warning', warning });
    raft.onApplied(() => this.#followState());
    raft.onRoleChange((status) => this.#followRole(status.role === 'leader', status.term));
    this.#channel.start();
    await rpc.start();
    await quorum.start();
    await this.#http.start();
    log.info({ event: 'manager-started', clusters: Object.keys(machine.state.clusters) });
  }

  async stop(): Promise<void> {
    // Nothing more is begun here; what runs is taken over by whoever leads next, and that is to be soon.
    this.#reign?.end();
    await this.#parts.quorum.handOver();
    this.#parts.quorum.stop();
    this.#channel.stop();
    this.#watchers.stop();
    await this.#http.stop();
    await this.#parts.raft.stop();
    await this.#parts.rpc.stop();
  }

  #followState(): void {
    const { machine, raft } = this.#parts;
    this.#table.retain(raft.status().voters, machine.state.clusters);
    this.#watchers.follow(machine.state);
    for (const key of this.#own.keys()) if (!this.#watchers.latest().has(key)) this.#own.delete(key);
    this.#reign?.follow(machine.state);
    this.#news.announce();
  }

  #followRole(isLeader: boolean, term: Reign['term']): void {
    if (this.#reign !== null && (!isLeader || this.#reign.term !== term)) {
      this.#reign.end();
      this.#reign = null;
      this.#parts.log.info({ event: 'reign-ended', term });
    }
    if (!isLeader || this.#reign !== null) return;
    this.#parts.log.info({ event: 'reign-begun', term });
    this.#reign = new Reign({
      term,
      ports: this.#ports(term),
      table: this.#table,
      news: this.#news,
      onBug: (thrown) => {
        this.#parts.log.fatal({ event: 'bug', err: thrown });
        this.#fail(thrown instanceof Error ? thrown.message : String(thrown));
      },
    });
    this.#reign.follow(this.#parts.machine.state);
  }

  #ports(term: Reign['term']): HaPorts {
    const { raft, machine, log } = this.#parts;
    return {
      clock,
      random: createPrng(randomInt(2 ** 47)),
      log: new ReignLogPort(raft, term, () => machine.state, () => this.#nextSession()),
      servers: new MysqlServersPort(
        (ref) => this.#secret(ref),
        (sentence) => log.info({ event: 'action-lock' }, sentence),
      ),
      quorum: this.#channel,
      endpoints: { quietSince: (index) => quietSince(this.#right, index, clock) },
      report: (event) => this.#report(event),
    };
  }

  #record(observation: Observation): void {
    const { config } = this.#parts.loaded;
    const nowMs = performance.now();
    const isNews = this.#isNews(observation);
    this.#table.record(observation, nowMs);
    if (observation.manager === config.id) {
      this.#own.set(`${observation.cluster}/${observation.server}`, { ...observation, receivedAtMs: nowMs });
    }
    if (isNews) this.#news.announce();
  }

  /** Misses and first answers are worth waking for; the same answer again is not. */
  #isNews(observation: Observation): boolean {
    const before = this.#own.get(`${observation.cluster}/${observation.server}`);
    return observation.outcome.kind !== 'ok' || before?.outcome.kind !== 'ok';
  }

  #report(event: HaEvent): void {
    const { kind, cluster, operation, sentence, facts } = event;
    this.#parts.log.info({ event: kind, cluster, operation, ...facts }, sentence);
    this.#parts.failpoint.passed(event);
  }

  #nextSession(): { readonly id: string; readonly serial: number } {
    this.#proposals += 1;
    return { id: this.#proposer, serial: this.#proposals };
  }

  /** Throws HactlError `bad-secret`. */
  #secret(ref: string): Secret {
    return resolveSecret('clusters', ref, nodeSecretSource()).secret;
  }

  #backend(): Backend {
    const { loaded, clusterId, raft, rpc, machine, addresses } = this.#parts;
    return new Backend({
      self: loaded.config.id,
      clusterId,
      raft,
      rpc,
      right: this.#right,
      state: () => machine.state,
      observations: () => this.#own,
      reign: () => this.#reign,
      httpAddress: (id) => addresses.http(id),
      secrets: nodeSecretSource(),
    });
  }
}
