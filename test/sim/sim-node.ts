/**
 * One life of one manager: the real Raft driver, reign, supervisor, channel and keeper, put together as manager.ts
 * does, over simulated time, disk, wire and servers. A restart makes a new one on the same disk.
 */
import { createPrng } from '../../src/base/index.js';
import type { ClusterName, ManagerId, ServerName, Term } from '../../src/base/index.js';
import { limits, ObservationTable, raiseTo, reducerMax } from '../../src/ha/index.js';
import type { HaPorts, HaState, Observation } from '../../src/ha/index.js';
import { AnswerRight } from '../../src/manager/answer-right.js';
import { encodeCommand } from '../../src/manager/command-codec.js';
import { HaChannel } from '../../src/manager/ha-channel.js';
import { ReignLogPort } from '../../src/manager/log-port.js';
import { MemberKeeper } from '../../src/manager/member-keeper.js';
import { News } from '../../src/manager/news.js';
import { finalRefusals, PeerMemory } from '../../src/manager/peer-memory.js';
import { quietSince } from '../../src/manager/quiet-endpoints.js';
import { Reign } from '../../src/manager/reign.js';
import { createMessageTransport, createRaftNode } from '../../src/raft/index.js';
import type { AppliedEntry, Membership, Message, RaftNode, RaftStatus, RaftTransport } from '../../src/raft/index.js';
import type { Claim, PeerRefusal } from '../../src/rpc/index.js';
import type { Environment } from '../world/environment.js';
import { ManagerProcess } from '../world/manager-process.js';
import { PortCalls } from '../world/port-calls.js';
import { Prober } from '../world/prober.js';
import type { ActionObserver } from '../world/sim-action-session.js';
import type { SimServer } from '../world/sim-server.js';
import { SimServersPort } from '../world/sim-servers-port.js';
import type { SimSession } from '../world/sim-session.js';
import type { SimDisk } from './disk.js';
import { processTimers } from './process-timers.js';
import { SimMachine } from './sim-machine.js';
import type { Endpoint, Wire } from './wire.js';

export interface NodeOptions {
  readonly env: Environment;
  readonly id: ManagerId;
  readonly cluster: ClusterName;
  readonly bootstrap: Membership;
  readonly disk: SimDisk;
  readonly wire: Wire;
  readonly servers: readonly SimServer[];
  readonly snapshotEntries: number;
  readonly trailingEntries: number;
  /** Of this manager's wall clock, against simulated time. */
  readonly clockOffsetMs: () => number;
  readonly observer: NodeObserver;
}

/** What the checks see of a manager. */
export interface NodeObserver {
  applied(node: SimNode, entry: AppliedEntry, result: unknown): void;
  sends(node: SimNode, to: ManagerId, message: Message): void;
  changedRole(node: SimNode, status: RaftStatus): void;
  acted: ActionObserver;
  locked(session: SimSession): void;
  /** The process must end; for good when a person has to look. */
  ended(node: SimNode, reason: string, isFinal: boolean): void;
  bug(node: SimNode, thrown: unknown): void;
}

export const epochMs = 1_700_000_000_000;
const tickMs = 50;
const keepEveryMs = 500;

export class SimNode implements Endpoint {
  readonly id: ManagerId;
  readonly process: ManagerProcess;
  readonly machine: SimMachine;
  readonly raft: RaftNode;
  readonly disk: SimDisk;
  readonly prober: Prober;
  readonly welcomed = new Set<Endpoint>();
  readonly #options: NodeOptions;
  readonly #table = new ObservationTable();
  readonly #right: AnswerRight;
  readonly #channel: HaChannel;
  readonly #servers: SimServersPort;
  readonly #keeper: MemberKeeper;
  readonly #memory: PeerMemory;
  readonly #news: News;
  readonly #claims = new Map<ManagerId, Claim>();
  readonly #listeners = new Map<string, (from: ManagerId, payload: unknown) => void>();
  #committed: Membership;
  #reign: Reign | null = null;
  #proposals = 0;
  #raises = 0;

  constructor(options: NodeOptions) {
    const { env, id, disk, servers, observer, bootstrap, cluster } = options;
    this.#options = options;
    this.id = id;
    this.disk = disk;
    this.#committed = bootstrap;
    this.process = new ManagerProcess(id, env.queue);
    const timers = processTimers(this.process, env.queue);
    this.#news = new News(timers);
    this.#memory = new PeerMemory(() => this.#committed);
    this.machine = new SimMachine((entry, result) => observer.applied(this, entry, result));
    const calls = new PortCalls(env, this.process);
    this.#servers = new SimServersPort({
      env, manager: id, calls, servers, onAction: observer.acted, onLock: (session) => observer.locked(session),
    });
    this.process.onDeath(() => {
      this.#servers.endSessions();
      disk.crash();
    });
    const nowMs = (): number => env.queue.nowMs;
    this.#right = new AnswerRight({ rightMs: limits.answerRightMs, nowMs });
    this.raft = this.#createRaft(timers);
    this.prober = new Prober({
      env, process: this.process, cluster, servers, onObservation: (seen) => this.#channel.tell(seen),
    });
    this.#channel = new HaChannel({
      self: id, raft: this.raft, rpc: this.#rpc(), watchers: this.#watchers(), right: this.#right, timers, nowMs,
      onObservation: (seen) => this.#record(seen),
    });
    this.#keeper = new MemberKeeper({
      self: id,
      raft: this.raft,
      abouts: () => new Map([...this.#claims, [id, this.claim()]]),
      raiseTo: (versions) => raiseTo(this.state, versions),
      raise: (to) => this.#raise(to),
      log: (event) => env.trace.say(id, event),
    });
  }

  get state(): HaState {
    return this.machine.ha.state;
  }

  get isRunning(): boolean {
    return this.process.state === 'running';
  }

  get isLeader(): boolean {
    return this.isRunning && this.raft.status().role === 'leader';
  }

  /** What its health endpoint says: the primary, or null for 503. */
  get named(): ServerName | null {
    const { raft } = this;
    if (!this.isRunning || !this.#right.holds(raft.status().appliedIndex)) return null;
    const cluster = this.state.clusters[this.#options.cluster];
    return cluster === undefined || cluster.hiddenSinceIndex !== null ? null : cluster.primary;
  }

  get reign(): Reign | null {
    return this.#reign;
  }

  start(): void {
    const { env, wire, observer } = this.#options;
    wire.attach(this);
    const { raft } = this;
    raft.onApplied(() => this.#followState());
    raft.onRoleChange((status) => {
      observer.changedRole(this, status);
      this.#followRole(status.role === 'leader', status.term);
      void this.#keeper.keep();
    });
    raft.onMembership((membership, isCommitted) => this.#followMembership(membership, isCommitted));
    void raft.halted.then((reason) => observer.ended(this, reason, false));
    this.#channel.start();
    this.prober.start();
    env.queue.woke();
    raft.start().catch((thrown: unknown) => observer.bug(this, thrown));
    this.#keepOften();
  }

  claim(): Claim {
    const { disk, id } = this;
    const own = { rpc: null, http: null, reducerMax };
    return { from: id, storeId: disk.storeId, storeGeneration: disk.generation, ...own };
  }

  judge(claim: Claim): PeerRefusal | null {
    return this.#memory.judge(claim);
  }

  accepted(claim: Claim): void {
    this.#memory.accepted(claim);
    this.#claims.set(claim.from, claim);
  }

  refused(by: ManagerId, { reason, detail }: PeerRefusal): void {
    if (finalRefusals.includes(reason)) this.#options.observer.ended(this, `${by} refuses: ${detail}`, true);
  }

  receive(channel: string, from: ManagerId, payload: unknown): void {
    this.#listeners.get(channel)?.(from, payload);
  }

  #createRaft(timers: ReturnType<typeof processTimers>): RaftNode {
    const { env, id, bootstrap, disk, clockOffsetMs, snapshotEntries, trailingEntries } = this.#options;
    return createRaftNode({
      id,
      bootstrap,
      store: disk.storeFor(this.process),
      transport: this.#transport(),
      stateMachine: this.machine,
      tickMs,
      prng: createPrng(env.random.int(0, 2 ** 31)),
      clock: { monotonicMs: () => env.queue.nowMs, wallMs: () => epochMs + env.queue.nowMs + clockOffsetMs() },
      timers,
      limits: { snapshotEntries, trailingEntries, snapshotChunkBytes: 2000, inflightMessagesMax: 4 },
      log: (event, facts) => env.trace.say(id, `${event} ${JSON.stringify(facts)}`),
    });
  }

  #transport(): RaftTransport {
    const { wire, disk, env, id, observer } = this.#options;
    const transport = createMessageTransport({
      send: (to, channel, payload) => wire.send(this, to, channel, payload),
      listen: (channel, listener) => this.#listeners.set(channel, listener),
      onMalformed: (from) => env.trace.say(id, `malformed message from ${from}`),
    }, { own: () => disk.generation, heard: (from, generation) => this.#memory.heard(from, generation) });
    return {
      send: (to, message) => {
        observer.sends(this, to, message);
        transport.send(to, message);
      },
      onMessage: (listener) => transport.onMessage(listener),
    };
  }

  #rpc(): ConstructorParameters<typeof HaChannel>[0]['rpc'] {
    return {
      send: (to, channel, payload) => this.#options.wire.send(this, to, channel, payload),
      on: (channel, listener) => {
        this.#listeners.set(channel, listener);
      },
    };
  }

  #watchers(): ConstructorParameters<typeof HaChannel>[0]['watchers'] {
    return {
      latest: () => new Map(this.prober.latest().map((seen) => [`${seen.cluster}/${seen.server}`, seen])),
      probeAll: (_cluster, nonce, onEach) =>
        new Promise((resolve) => {
          this.prober.probeAll(nonce, onEach, resolve);
        }),
    };
  }

  #followMembership(membership: Membership, isCommitted: boolean): void {
    // Connections of those who have no place here any more end; the others say hello again.
    this.welcomed.clear();
    if (!isCommitted) return;
    this.#committed = membership;
    if (membership.removed.includes(this.id)) this.#options.observer.ended(this, 'was removed', true);
  }

  #followState(): void {
    this.#table.retain(this.raft.status().voters, this.state.clusters);
    this.#reign?.follow(this.state);
    this.#news.announce();
  }

  #followRole(isLeader: boolean, term: Term): void {
    if (this.#reign !== null && (!isLeader || this.#reign.term !== term)) {
      this.#reign.end();
      this.#reign = null;
    }
    if (!isLeader || this.#reign !== null) return;
    this.#reign = new Reign({
      term, ports: this.#ports(term), table: this.#table, news: this.#news,
      onBug: (thrown) => this.#options.observer.bug(this, thrown),
    });
    this.#reign.follow(this.state);
  }

  #ports(term: Term): HaPorts {
    const { env, id, disk } = this.#options;
    const clock = {
      nowMs: (): number => env.queue.nowMs,
      sleep: (ms: number): Promise<void> => new Promise((resolve) => this.process.after(ms, resolve)),
    };
    // Another life of this manager is another proposer.
    const proposer = `m-${disk.storeId}-${env.random.hex(8)}`;
    const nextSession = (): { id: string; serial: number } => {
      this.#proposals += 1;
      return { id: proposer, serial: this.#proposals };
    };
    return {
      clock,
      random: createPrng(env.random.int(0, 2 ** 31)),
      log: new ReignLogPort(this.raft, term, () => this.state, nextSession),
      servers: this.#servers,
      quorum: this.#channel,
      endpoints: { quietSince: (index) => quietSince(this.#right, index, clock) },
      report: ({ kind, sentence }) => env.trace.say(id, `${kind}: ${sentence}`),
    };
  }

  #record(observation: Observation): void {
    this.#table.record(observation, this.#options.env.queue.nowMs);
    this.#options.env.queue.woke();
    this.#news.announce();
  }

  async #raise(to: number): Promise<void> {
    this.#raises += 1;
    const session = { id: `reducer-version-${to}-${this.disk.storeId}`, serial: this.#raises };
    await this.raft.propose(encodeCommand({ kind: 'reducer-version-raised', to }), session, 5000);
  }

  #keepOften(): void {
    void this.#keeper.keep();
    this.process.after(keepEveryMs, () => this.#keepOften());
  }
}
