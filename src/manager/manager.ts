/**
 * One manager: store, Raft, transport, probers, HTTP, put together and taken apart again. Knows all parts and decides
 * nothing: what to do is decided in `ha`, by whoever reigns.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { createPrng } from '../base/index.js';
import type { Secret } from '../base/index.js';
import { nodeSecretSource, resolveSecret } from '../config/index.js';
import type { LoadedManagerConfig } from '../config/index.js';
import type { HaEvent } from '../ha/index.js';
import { createHttpServer } from '../http/index.js';
import { nodeTimers } from '../raft/index.js';
import type { RaftNode } from '../raft/index.js';
import type { RpcNode } from '../rpc/index.js';
import type { Addresses } from './addresses.js';
import { Backend } from './backend.js';
import type { Failpoint } from './failpoint.js';
import type { HaMachine } from './ha-machine.js';
import { HaSide } from './ha-side.js';
import type { Logger } from './log.js';
import type { Quorum } from './quorum.js';
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
  readonly lineage: string | null;
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
  readonly #ha: HaSide;
  readonly #http: ReturnType<typeof createHttpServer>;
  #fail: (reason: string) => void = () => undefined;

  constructor(parts: ManagerParts) {
    this.#parts = parts;
    const { loaded, raft, rpc, machine, quorum, log } = parts;
    const { config } = loaded;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    void raft.halted.then((reason) => this.#fail(reason));
    void quorum.expelled.then((reason) => this.#fail(reason));
    this.#ha = new HaSide({
      self: config.id,
      electionTimeoutMs: config.raft.electionTimeoutMs,
      raft,
      rpc,
      machine,
      watch: (onObservation) =>
        new Watchers({ self: config.id, secret: (ref) => this.#secret(ref), onObservation }),
      servers: new MysqlServersPort(
        (ref) => this.#secret(ref),
        (sentence) => log.info({ event: 'action-lock' }, sentence),
      ),
      clock,
      timers: nodeTimers,
      random: createPrng(randomInt(2 ** 47)),
      proposer: `m-${randomBytes(8).toString('hex')}`,
      report: (event) => this.#report(event),
      log: (event, facts) => log.info({ event, ...facts }),
      onBug: (thrown) => {
        log.fatal({ event: 'bug', err: thrown });
        this.#fail(thrown instanceof Error ? thrown.message : String(thrown));
      },
    });
    this.#http = createHttpServer({
      listen: config.listen.http,
      backend: this.#backend(),
      token: loaded.token,
      log: { error: (facts, sentence) => log.error(facts, sentence) },
    });
  }

  async start(): Promise<void> {
    const { rpc, loaded, log, machine, quorum } = this.#parts;
    for (const warning of loaded.warnings) log.warn({ event: 'config-warning', warning });
    this.#ha.start();
    // Its store first: a manager that spoke before it is open would say that it has written nothing (peer-memory.ts
    // of the others would refuse it for good), and would judge who calls by the first voters alone.
    await quorum.start();
    await rpc.start();
    await this.#http.start();
    log.info({ event: 'manager-started', clusters: Object.keys(machine.state.clusters) });
  }

  async stop(): Promise<void> {
    // What runs is taken over by whoever leads next, and that is to be soon.
    this.#ha.endReign();
    await this.#parts.quorum.handOver();
    this.#parts.quorum.stop();
    this.#ha.stop();
    await this.#http.stop();
    await this.#parts.raft.stop();
    await this.#parts.rpc.stop();
  }

  #report(event: HaEvent): void {
    const { kind, cluster, operation, sentence, facts } = event;
    this.#parts.log.info({ event: kind, cluster, operation, ...facts }, sentence);
    this.#parts.failpoint.passed(event);
  }

  /** Throws HactlError `bad-secret`. */
  #secret(ref: string): Secret {
    return resolveSecret('clusters', ref, nodeSecretSource()).secret;
  }

  #backend(): Backend {
    const { loaded, clusterId, lineage, raft, rpc, machine, addresses } = this.#parts;
    return new Backend({
      self: loaded.config.id,
      clusterId,
      lineage,
      raft,
      rpc,
      right: this.#ha.right,
      state: () => machine.state,
      observations: () => this.#ha.own,
      reign: () => this.#ha.reign,
      httpAddress: (id) => addresses.http(id),
      secrets: nodeSecretSource(),
      clock,
    });
  }
}
