/**
 * One simulated mysqld: GTID sets, binary log, read-only flags, semi-sync with AFTER_SYNC, crash and start. It knows
 * nothing of hactl but a place for its epochs. Durable are the binary log, what is executed, the relay log, the
 * source's address and the epochs; flags go back to what the configuration says at each start.
 */
import { GtidSet, gtidSet } from '../../src/base/index.js';
import type { ServerFacts, ServerName } from '../../src/base/index.js';
import type { Environment } from './environment.js';
import { SimReplica } from './sim-replica.js';
import type { SourceAddress } from './sim-replica.js';
import type { SimSession } from './sim-session.js';

/** What stands in the configuration file: how the server comes up. */
export interface BootSettings {
  readonly superReadOnly: boolean;
  readonly waitsForAcks: boolean;
  readonly acknowledges: boolean;
  /** False: skip_replica_start. */
  readonly startsReplication: boolean;
  /** relay_log_recovery: an unapplied relay log is thrown away at start. */
  readonly recoversRelayLog: boolean;
}

interface HangingCommit {
  readonly gtid: string;
  readonly client: string;
  /** What the client hears; cleared when its connection is cut: then it hears nothing. */
  answer: (() => void) | null;
}

interface Waiter {
  readonly isDone: () => boolean;
  readonly settle: (isDone: boolean) => void;
}

export interface SimServerOptions {
  readonly env: Environment;
  readonly name: ServerName;
  readonly number: number;
  readonly boot: BootSettings;
  readonly peers: () => readonly SimServer[];
}

export class SimServer {
  readonly env: Environment;
  readonly name: ServerName;
  readonly host: string;
  readonly port = 3306;
  readonly uuid: string;
  readonly #options: SimServerOptions;
  boot: BootSettings;
  status: 'up' | 'down' = 'up';
  /** Connects, and no statement ends. */
  isHung = false;
  /** Answers with "too many connections" to whoever connects anew. */
  isFull = false;
  readOnly = false;
  superReadOnly = false;
  /** It takes writes because its configuration file says so, and nobody has closed or opened it since its start. */
  cameUpOpen = false;
  /** It came up closed, and nobody has opened it since. */
  cameUpClosed = false;
  offline = false;
  waitsForAcks = false;
  acknowledges = false;
  executed = GtidSet.empty;
  binlog: string[] = [];
  replica: SimReplica | null = null;
  applyMs = 0.5;
  readonly followers = new Set<SimServer>();
  readonly clients = new Set<string>();
  readonly sessions = new Set<SimSession>();
  /** Who holds the named lock. */
  lock: SimSession | null = null;
  /** Schema hactl, by cluster. */
  readonly recordedEpochs = new Map<string, number>();
  #startedAtMs: number;
  #hanging: HangingCommit[] = [];
  #waiters: Waiter[] = [];
  #isClosing = false;
  #lastNumber = 0;

  constructor(options: SimServerOptions) {
    const { env, name, number, boot } = options;
    this.#options = options;
    this.env = env;
    this.name = name;
    this.host = `${name}.example`;
    this.uuid = `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`;
    this.boot = boot;
    this.#startedAtMs = env.queue.nowMs;
    this.#applyBoot();
  }

  get takesWrites(): boolean {
    return this.status === 'up' && !this.readOnly && !this.superReadOnly;
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  get startedAtS(): number {
    return Math.floor(this.#startedAtMs / 1000);
  }

  isCutFrom(other: string): boolean {
    return this.env.network.isCut(this.name, other);
  }

  peerAt(host: string, port: number): SimServer | null {
    return this.#options.peers().find((peer) => peer.host === host && peer.port === port) ?? null;
  }

  facts(): ServerFacts {
    const acknowledging = [...this.followers].filter((follower) => follower.replica?.isAcknowledging);
    return {
      serverUuid: this.uuid,
      serverId: this.#options.number,
      version: '9.7.0',
      readOnly: this.readOnly,
      superReadOnly: this.superReadOnly,
      offline: this.offline,
      logBin: true,
      logReplicaUpdates: true,
      gtidMode: 'ON',
      executed: this.executed.toString(),
      startedAtS: this.startedAtS,
      replica: this.replica?.facts() ?? null,
      semiSync: {
        sourceEnabled: this.waitsForAcks,
        replicaEnabled: this.acknowledges,
        sourceActive: this.waitsForAcks,
        sourceClients: acknowledging.length,
      },
      replicaUuids: [...this.followers].map((follower) => follower.uuid),
    };
  }

  /** A client commits one transaction. `answer` is called when the server says OK. False: refused. */
  commit(client: string, answer: (gtid: string) => void): boolean {
    if (this.status !== 'up' || this.isHung || this.offline) return false;
    this.clients.add(client);
    if (!this.takesWrites || this.#isClosing) return false;
    this.#lastNumber += 1;
    const gtid = `${this.uuid}:${this.#lastNumber}`;
    this.#hanging.push({ gtid, client, answer: () => answer(gtid) });
    this.#log(gtid);
    if (!this.waitsForAcks) this.#release(this.#hanging.length);
    return true;
  }

  /** An acknowledgement counts for everything before it too: the binary log has one order. */
  acknowledged(gtid: string): void {
    if (this.status !== 'up' || !this.waitsForAcks) return;
    const index = this.#hanging.findIndex((commit) => commit.gtid === gtid);
    this.#release(index + 1);
  }

  /** The applier is done with one transaction. */
  execute(gtid: string): void {
    if (gtidSet(gtid).isSubsetOf(this.executed)) return;
    this.executed = this.executed.union(gtidSet(gtid));
    this.#log(gtid);
    this.changed();
  }

  setWaitingForAcks(isWaiting: boolean): void {
    this.waitsForAcks = isWaiting;
    // Turning it off lets hanging commits through, with OK for every client that is still there.
    if (!isWaiting) this.#release(this.#hanging.length);
  }

  disconnectClients(): void {
    this.clients.clear();
    for (const commit of this.#hanging) commit.answer = null;
  }

  setOffline(isOffline: boolean): void {
    this.offline = isOffline;
    if (!isOffline) return;
    // Replicas are ordinary accounts to offline_mode.
    for (const follower of [...this.followers]) follower.replica?.sourceClosed(this);
  }

  /** Waits behind commits that hang; nobody can begin a new one meanwhile. */
  close(withinMs: number, settle: (isClosed: boolean) => void): void {
    this.#isClosing = true;
    this.wait(() => this.#hanging.length === 0, withinMs, (isDone) => {
      this.#isClosing = false;
      if (isDone) {
        this.readOnly = true;
        this.superReadOnly = true;
        this.cameUpOpen = false;
      }
      settle(isDone);
    });
  }

  pointAt(source: SourceAddress): void {
    this.replica?.stopReceiver();
    this.replica = new SimReplica(this, source, this.replica);
    this.replica.resumeApplying();
  }

  /** Rebuilt from a copy of another server, closed, and following it. What it had is gone. */
  cloneFrom(donor: SimServer): void {
    this.env.trace.say(this.name, `is rebuilt from ${donor.name}`);
    this.crash();
    this.executed = donor.executed;
    this.binlog = [...donor.binlog];
    this.boot = { ...this.boot, superReadOnly: true, waitsForAcks: false, acknowledges: donor.waitsForAcks };
    this.replica = null;
    this.pointAt({ host: donor.host, port: donor.port, user: 'repl' });
    this.start();
  }

  /** SIGKILL. Everybody connected hears of it, unless the network is cut. */
  crash(): void {
    if (this.status === 'down') return;
    this.env.trace.say(this.name, 'crashes');
    this.status = 'down';
    this.clients.clear();
    for (const session of [...this.sessions]) session.end();
    this.replica?.crashed(true);
    for (const follower of [...this.followers]) follower.replica?.sourceClosed(this);
    this.followers.clear();
    // What stands in the binary log is committed by recovery, whether anybody acknowledged it or not (bug 99370).
    for (const { gtid } of this.#hanging) this.executed = this.executed.union(gtidSet(gtid));
    this.#hanging = [];
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.settle(false);
    this.#isClosing = false;
  }

  start(): void {
    if (this.status === 'up') return;
    this.env.trace.say(this.name, 'starts');
    this.status = 'up';
    this.cameUpOpen = !this.boot.superReadOnly;
    this.cameUpClosed = this.boot.superReadOnly;
    this.#startedAtMs = this.env.queue.nowMs;
    this.offline = false;
    if (this.boot.recoversRelayLog) this.replica?.crashed(false);
    this.#applyBoot();
    if (!this.boot.startsReplication) return;
    this.replica?.startApplier();
    this.replica?.startReceiver();
  }

  /** Calls `settle(true)` once `isDone`, or `settle(false)` after `withinMs` or at a crash. */
  wait(isDone: () => boolean, withinMs: number, settle: (isDone: boolean) => void): void {
    if (isDone()) {
      settle(true);
      return;
    }
    let isSettled = false;
    const waiter: Waiter = {
      isDone,
      settle: (isNow) => {
        if (isSettled) return;
        isSettled = true;
        settle(isNow);
      },
    };
    this.#waiters.push(waiter);
    this.env.queue.after(withinMs, () => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      waiter.settle(isDone());
    });
  }

  /** Something that somebody may wait for. */
  changed(): void {
    const done = this.#waiters.filter((waiter) => waiter.isDone());
    if (done.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter));
    for (const waiter of done) waiter.settle(true);
  }

  #applyBoot(): void {
    this.readOnly = this.boot.superReadOnly;
    this.superReadOnly = this.boot.superReadOnly;
    this.waitsForAcks = this.boot.waitsForAcks;
    this.acknowledges = this.boot.acknowledges;
  }

  #log(gtid: string): void {
    this.binlog.push(gtid);
    for (const follower of [...this.followers]) follower.replica?.pump(this);
  }

  #release(count: number): void {
    const released = this.#hanging.slice(0, count);
    if (released.length === 0) return;
    this.#hanging = this.#hanging.slice(count);
    for (const { gtid } of released) this.executed = this.executed.union(gtidSet(gtid));
    for (const { answer, client } of released) {
      if (answer !== null && !this.isCutFrom(client)) answer();
    }
    this.changed();
  }
}
