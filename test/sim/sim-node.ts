/**
 * One life of one manager: the real Raft driver, the real `ha` side of a manager and the real keeper of the membership,
 * over simulated time, disk, wire and servers. A restart makes a new one on the same disk.
 */
import { createPrng } from '../../src/base/index.js';
import type { ClusterName, ManagerId, ServerName } from '../../src/base/index.js';
import { raiseTo, reducerMax } from '../../src/ha/index.js';
import type { HaState } from '../../src/ha/index.js';
import { encodeCommand } from '../../src/manager/command-codec.js';
import { HaSide } from '../../src/manager/ha-side.js';
import { MemberKeeper } from '../../src/manager/member-keeper.js';
import { finalRefusals, PeerMemory } from '../../src/manager/peer-memory.js';
import type { Reign } from '../../src/manager/reign.js';
import { createMessageTransport, createRaftNode } from '../../src/raft/index.js';
import type { AppliedEntry, Membership, Message, RaftNode, RaftNodeOptions, Timers } from '../../src/raft/index.js';
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
import { Proofs } from './proofs.js';
import { SimMachine } from './sim-machine.js';
import { SimServerWatch } from './sim-server-watch.js';
import type { Endpoint, Wire } from './wire.js';

type StepTold = NonNullable<RaftNodeOptions['onStep']>;

export interface NodeOptions {
  readonly env: Environment;
  readonly id: ManagerId;
  readonly cluster: ClusterName;
  readonly bootstrap: Membership;
  readonly disk: SimDisk;
  readonly wire: Wire;
  readonly servers: readonly SimServer[];
  readonly electionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly limits: NonNullable<RaftNodeOptions['limits']>;
  readonly probing: { readonly intervalMs: number; readonly timeoutMs: number };
  /** Of this manager's wall clock, against simulated time. */
  readonly clockOffsetMs: () => number;
  readonly observer: NodeObserver;
}

/** What the checks see of a manager. */
export interface NodeObserver {
  applied(node: SimNode, entry: AppliedEntry, result: unknown): void;
  stepped(node: SimNode, ...step: Parameters<StepTold>): void;
  sends(node: SimNode, to: ManagerId, message: Message): void;
  acted: ActionObserver;
  locked(session: SimSession): void;
  /** The process must end; for good when a person has to look. */
  ended(node: SimNode, reason: string, isFinal: boolean): void;
  bug(node: SimNode, thrown: unknown): void;
}

export const epochMs = 1_700_000_000_000;
export const tickMs = 50;
const keepEveryMs = 500;
const raiseWithinMs = 5000;

export class SimNode implements Endpoint {
  readonly id: ManagerId;
  readonly process: ManagerProcess;
  readonly machine: SimMachine;
  readonly raft: RaftNode;
  readonly disk: SimDisk;
  readonly prober: Prober;
  readonly proofs: Proofs;
  readonly welcomed = new Set<Endpoint>();
  readonly bornAtMs: number;
  readonly #options: NodeOptions;
  readonly #ha: HaSide;
  readonly #servers: SimServersPort;
  readonly #keeper: MemberKeeper;
  readonly #memory: PeerMemory;
  readonly #claims = new Map<ManagerId, Claim>();
  readonly #listeners = new Map<string, (from: ManagerId, payload: unknown) => void>();
  #raises = 0;

  constructor(options: NodeOptions) {
    const { env, id, disk, servers, observer, cluster } = options;
    this.#options = options;
    this.id = id;
    this.bornAtMs = env.queue.nowMs;
    this.disk = disk;
    this.process = new ManagerProcess(id, env.queue);
    const timers = processTimers(this.process, env.queue);
    this.#memory = new PeerMemory(() => this.raft.status());
    this.machine = new SimMachine((entry, result) => observer.applied(this, entry, result));
    const calls = new PortCalls(env, this.process);
    this.#servers = new SimServersPort({
      env, manager: id, calls, servers, onAction: observer.acted, onLock: (session) => observer.locked(session),
    });
    this.process.onDeath(() => this.#servers.endSessions());
    this.raft = this.#createRaft(timers);
    this.proofs = new Proofs(env.queue, this.process, this.raft);
    let tell: ConstructorParameters<typeof Prober>[0]['onObservation'] = () => undefined;
    this.prober = new Prober({
      env, process: this.process, cluster, servers, probing: options.probing, onObservation: (seen) => tell(seen),
    });
    this.#ha = this.#createHa(timers, (onObservation) => {
      tell = onObservation;
      return new SimServerWatch(this.prober, cluster);
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

  get committed(): Membership {
    return this.raft.status().committedMembership;
  }

  /** Who would be named, were there a right to name anybody. */
  get believed(): ServerName | null {
    const cluster = this.state.clusters[this.#options.cluster];
    return cluster === undefined || cluster.hiddenSinceIndex !== null ? null : cluster.primary;
  }

  /** What its health endpoint says: the primary, or null for 503. */
  get named(): ServerName | null {
    if (!this.isRunning || !this.#ha.right.holds(this.raft.status().appliedIndex)) return null;
    return this.believed;
  }

  get reign(): Reign | null {
    return this.#ha.reign;
  }

  start(): void {
    const { env, wire, observer, disk } = this.#options;
    wire.attach(this);
    const { raft } = this;
    this.#ha.start();
    raft.onRoleChange(() => void this.#keeper.keep());
    raft.onMembership((membership, isCommitted) => this.#followMembership(membership, isCommitted));
    void raft.halted.then((reason) => observer.ended(this, reason, false));
    env.queue.woke();
    raft.start().catch((thrown: unknown) => {
      if (disk.fault === null) observer.bug(this, thrown);
      else observer.ended(this, disk.fault, true);
    });
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

  #createRaft(timers: Timers): RaftNode {
    const { env, id, bootstrap, disk, wire, observer, clockOffsetMs } = this.#options;
    const { electionTimeoutMs, heartbeatMs, limits } = this.#options;
    const transport = createMessageTransport({
      send: (to, channel, payload) => wire.send(this, to, channel, payload),
      listen: (channel, listener) => this.#listeners.set(channel, listener),
      onMalformed: (from) => observer.bug(this, new Error(`malformed message from ${from}`)),
    }, { own: () => disk.generation, heard: (from, generation) => this.#memory.heard(from, generation) });
    return createRaftNode({
      id,
      bootstrap,
      store: disk.storeFor(this.process),
      transport: {
        send: (to, message) => {
          observer.sends(this, to, message);
          transport.send(to, message);
        },
        onMessage: (listener) => transport.onMessage(listener),
      },
      stateMachine: this.machine,
      tickMs,
      electionTimeoutMs,
      heartbeatMs,
      prng: createPrng(env.random.int(0, 2 ** 31)),
      clock: { monotonicMs: () => env.queue.nowMs, wallMs: () => epochMs + env.queue.nowMs + clockOffsetMs() },
      timers,
      limits,
      onStep: (...step) => observer.stepped(this, ...step),
      log: (event, facts) => env.trace.say(id, `${event} ${JSON.stringify(facts)}`),
    });
  }

  #createHa(timers: Timers, watch: ConstructorParameters<typeof HaSide>[0]['watch']): HaSide {
    const { env, id, wire, observer, electionTimeoutMs, disk } = this.#options;
    return new HaSide({
      self: id,
      electionTimeoutMs,
      raft: this.proofs.raft,
      rpc: {
        send: (to, channel, payload) => wire.send(this, to, channel, payload),
        on: (channel, listener) => this.#listeners.set(channel, listener),
      },
      machine: this.machine.ha,
      watch,
      servers: this.#servers,
      clock: {
        nowMs: () => env.queue.nowMs,
        sleep: (ms) => new Promise((resolve) => this.process.after(ms, resolve)),
      },
      timers,
      random: createPrng(env.random.int(0, 2 ** 31)),
      // Another life of this manager is another proposer.
      proposer: `m-${disk.storeId}-${env.random.hex(8)}`,
      report: ({ kind, sentence }) => env.trace.say(id, `${kind}: ${sentence}`),
      log: (event, facts) => env.trace.say(id, `${event} ${JSON.stringify(facts)}`),
      onBug: (thrown) => observer.bug(this, thrown),
    });
  }

  #followMembership(membership: Membership, isCommitted: boolean): void {
    // Connections of those who have no place here any more end; the others say hello again.
    this.welcomed.clear();
    if (!isCommitted) return;
    if (membership.removed.includes(this.id)) this.#options.observer.ended(this, 'was removed', true);
  }

  async #raise(to: number): Promise<void> {
    this.#raises += 1;
    const session = { id: `reducer-version-${to}-${this.disk.storeId}`, serial: this.#raises };
    await this.raft.propose(encodeCommand({ kind: 'reducer-version-raised', to }), session, raiseWithinMs);
  }

  #keepOften(): void {
    void this.#keeper.keep();
    this.process.after(keepEveryMs, () => this.#keepOften());
  }
}
