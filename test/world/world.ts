/**
 * A whole small world: one cluster of simulated servers, managers that share a log, clients that write, and the checks
 * that watch them. Deterministic: the same seed and the same faults give the same trace. What can be broken is said by
 * methods with plain names; a fault model draws from them.
 */
import { clusterName, managerId, operationId, serverName } from '../../src/base/index.js';
import type { ServerName } from '../../src/base/index.js';
import type { CandidatePolicy, ClusterSpec, ClusterState, Operation } from '../../src/ha/index.js';
import { createEnvironment } from './environment.js';
import type { Environment } from './environment.js';
import { Invariants } from './invariants.js';
import { probing } from './prober.js';
import { electionTimeoutMs, ReplicatedLog } from './replicated-log.js';
import { SimManager } from './sim-manager.js';
import { SimServer } from './sim-server.js';
import type { BootSettings } from './sim-server.js';
import { Writers } from './writers.js';

export interface WorldOptions {
  readonly seed?: number;
  readonly servers?: readonly string[];
  readonly isSemiSync?: boolean;
  readonly candidates?: Readonly<Record<string, CandidatePolicy>>;
  readonly fencing?: ClusterSpec['fencing']['policy'];
}

const cluster = clusterName('app1');

export class World {
  readonly env: Environment;
  readonly log: ReplicatedLog;
  readonly servers: readonly SimServer[];
  readonly managers: readonly SimManager[];
  readonly writers: Writers;
  readonly invariants: Invariants;
  readonly bugs: unknown[] = [];

  constructor(options: WorldOptions = {}) {
    this.env = createEnvironment(options.seed ?? 1);
    this.log = new ReplicatedLog(this.env);
    const names = (options.servers ?? ['db1', 'db2', 'db3']).map(serverName);
    const isSemiSync = options.isSemiSync ?? true;
    this.servers = names.map((name, index) => new SimServer({
      env: this.env, name, number: index + 1, peers: () => this.servers, boot: bootOf(index, isSemiSync),
    }));
    this.managers = ['m1', 'm2', 'm3'].map(managerId).map((id) => new SimManager({
      env: this.env, id, cluster, log: this.log, servers: this.servers, peers: () => this.managers,
      onAction: (session, verb) => this.invariants.acted(session, verb, this.env.queue.nowMs),
      onLock: (session) => this.invariants.locked(session),
      onBug: (thrown) => this.bugs.push(thrown),
    }));
    const { env, log, servers, managers } = this;
    this.invariants = new Invariants({ env, cluster, log, servers, managers });
    this.writers = new Writers(env, this.servers);
    this.#declare(specOf(this.servers, options));
    this.#connect();
  }

  /** The cluster as it is committed. */
  get cluster(): ClusterState {
    return this.log.state.clusters[cluster] as ClusterState;
  }

  get lastOperation(): Operation | null {
    return this.cluster.operation ?? this.cluster.history.at(-1) ?? null;
  }

  server(name: string): SimServer {
    return this.servers.find((server) => server.name === name) as SimServer;
  }

  manager(id: string): SimManager {
    return this.managers.find((manager) => manager.id === id) as SimManager;
  }

  get leader(): SimManager | null {
    return this.managers.find((manager) => manager.id === this.log.leader) ?? null;
  }

  /** Everybody is up, replicates and has been seen for a while; m1 leads. */
  async warmUp(): Promise<void> {
    for (const manager of this.managers) manager.start();
    this.log.elect(this.managers[0]!.id);
    this.writers.start();
    await this.env.queue.run(700);
  }

  /** The process ends; its host answers with closed ports. */
  crash(name: string): void {
    this.server(name).crash();
    for (const manager of this.managers) manager.prober.noticeEnd(this.server(name));
  }

  /** The host is gone: silence. */
  vanish(name: string): void {
    this.isolate(name, [...this.managers.map(({ id }) => id), ...this.servers.map((server) => server.name), 'client']);
    this.server(name).crash();
  }

  isolate(name: string, from: readonly string[]): void {
    for (const other of from) if (other !== name) this.env.network.cut(name, other);
  }

  reconnect(name: string): void {
    const all = [...this.managers.map(({ id }) => id), ...this.servers.map((server) => server.name), 'client'];
    for (const other of all) this.env.network.heal(name, other);
  }

  /** A person asks the leader; the answer is not waited for. */
  requestSwitchover(target: string | null): void {
    const { leader } = this;
    const id = operationId(`sw-${this.env.random.hex(10)}`);
    this.env.queue.woke();
    // A reign that ends here is told to the person; the next leader's state says what became of the operation.
    void leader?.supervisor?.startSwitchover(id, target === null ? null : serverName(target)).catch(() => undefined);
  }

  /** Runs until an operation has ended, and then long enough for whatever still follows. False: it did not end. */
  async untilEnded(withinMs = 40_000, settleMs = 400): Promise<boolean> {
    const isEnded = (): boolean => this.cluster.operation === null && this.cluster.history.length > 0;
    const hasEnded = await this.env.queue.runUntil(isEnded, withinMs);
    await this.env.queue.run(settleMs);
    return hasEnded;
  }

  #declare(spec: ClusterSpec): void {
    this.log.commit({
      kind: 'config-applied', clusters: { [cluster]: spec }, primaries: { [cluster]: this.servers[0]!.name },
      basedOnVersion: 0,
    });
    for (const manager of this.managers) manager.apply(this.log.lastIndex);
    const [primary, ...replicas] = this.servers as [SimServer, ...SimServer[]];
    for (const replica of replicas) {
      replica.pointAt({ host: primary.host, port: primary.port, user: spec.replication.user });
      replica.replica?.startApplier();
      replica.replica?.startReceiver();
    }
  }

  #connect(): void {
    const { queue, network } = this.env;
    this.log.onCommit(({ index }) => {
      for (const manager of this.managers) {
        queue.after(network.latencyMs() * 2, () => {
          const isCut = this.log.leader !== null && network.isCut(this.log.leader, manager.id);
          if (!isCut) manager.process.deliver(() => manager.apply(index));
        });
      }
    });
    this.log.onLeader(() => {
      for (const manager of this.managers) {
        queue.after(network.latencyMs(), () => manager.process.deliver(() => manager.followLeader()));
      }
      if (this.log.leader === null) this.#electLater();
    });
    for (const { id, process } of this.managers) {
      process.onStop(() => queue.after(electionTimeoutMs / 2, () => {
        if (this.log.leader === id && process.state !== 'running') this.log.depose();
      }));
    }
  }

  /** Nobody votes for another before an election timeout has passed; rights to answer are over by then. */
  #electLater(): void {
    const { queue, random } = this.env;
    const { term } = this.log;
    queue.after(electionTimeoutMs + random.next() * 200, () => {
      if (this.log.leader !== null || this.log.term !== term) return;
      const running = this.managers.filter(({ process }) => process.state === 'running');
      const former = this.log.term - 1;
      const next = running[(former + 1) % running.length];
      if (running.length <= this.managers.length / 2 || next === undefined) this.#electLater();
      else this.log.elect(next.id);
    });
  }
}

function bootOf(index: number, isSemiSync: boolean): BootSettings {
  const isPrimary = index === 0;
  return {
    superReadOnly: !isPrimary,
    waitsForAcks: isSemiSync && isPrimary,
    acknowledges: isSemiSync && !isPrimary,
    startsReplication: true,
    recoversRelayLog: false,
  };
}

function specOf(servers: readonly SimServer[], options: WorldOptions): ClusterSpec {
  return {
    servers: servers.map(({ name, host, port }) => ({
      name: name as ServerName, host, port, zone: null, candidate: options.candidates?.[name] ?? 'allow',
    })),
    mysql: { user: 'hactl', password: 'env:HACTL_PASSWORD' },
    replication: { user: 'repl', password: 'env:REPL_PASSWORD' },
    durability: 'async',
    detection: { intervalMs: probing.intervalMs, confirmMs: 300, probeTimeoutMs: probing.timeoutMs },
    fencing: { policy: options.fencing ?? 'best-effort' },
    switchover: { maxPauseMs: 5000 },
  };
}
