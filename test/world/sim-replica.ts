/**
 * The replica's half of a simulated server: receiver, relay log, applier. What is received lies in the relay log until
 * the applier has executed it; an acknowledgement says "received", not "executed" (mysql-facts of the project). The
 * link is a TCP connection: in order, nothing lost but by its end, and silent when the network is cut.
 */
import { GtidSet, gtidSet } from '../../src/base/index.js';
import type { ReplicaFacts } from '../../src/base/index.js';
import type { SimServer } from './sim-server.js';

export interface SourceAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

const heartbeatPeriodMs = 1000;
const connectRetryMs = 1000;
/** replica_net_timeout: how long silence is taken for a quiet source. */
const netTimeoutMs = 5000;
/** How soon a link that was cut tries again to get its bytes through. */
const retransmitMs = 50;

interface Link {
  readonly source: SimServer;
  readonly isAcknowledging: boolean;
  /** Next position of the source's binary log. */
  position: number;
  isOpen: boolean;
  isSending: boolean;
  heardAtMs: number;
  /** Of the process at the other end: another one knows nothing of this connection. */
  readonly sourceStartedAtMs: number;
}

export class SimReplica {
  readonly #server: SimServer;
  readonly source: SourceAddress;
  sourceUuid = '';
  wantsReceiver = false;
  wantsApplier = false;
  applierError = '';
  received = GtidSet.empty;
  relayLog: string[] = [];
  #link: Link | null = null;
  #heartbeats = 0;
  #isApplying = false;
  #isConnecting = false;

  constructor(server: SimServer, source: SourceAddress, before: SimReplica | null) {
    this.#server = server;
    this.source = source;
    if (before === null) return;
    this.wantsApplier = before.wantsApplier;
    this.received = before.received;
    this.relayLog = before.relayLog;
  }

  facts(): ReplicaFacts {
    const isLate = this.relayLog.length > 0;
    return {
      sourceHost: this.source.host,
      sourcePort: this.source.port,
      sourceUser: this.source.user,
      sourceUuid: this.sourceUuid,
      receiver: this.receiver,
      applier: this.wantsApplier ? 'on' : 'off',
      receiverError: '',
      applierError: this.applierError,
      autoPosition: true,
      received: this.received.toString(),
      delayS: 0,
      lagMs: this.wantsApplier ? (isLate ? 1000 : 0) : null,
      heartbeats: this.#heartbeats,
      heartbeatPeriodMs,
    };
  }

  get receiver(): 'on' | 'connecting' | 'off' {
    if (!this.wantsReceiver) return 'off';
    return this.#link === null ? 'connecting' : 'on';
  }

  startReceiver(): void {
    if (this.wantsReceiver) return;
    this.wantsReceiver = true;
    this.#connect();
  }

  stopReceiver(): void {
    this.wantsReceiver = false;
    this.#drop();
  }

  startApplier(): void {
    this.wantsApplier = true;
    this.applierError = '';
    this.#apply();
  }

  stopApplier(error = ''): void {
    this.wantsApplier = false;
    this.applierError = error;
  }

  /** The source's end is gone. Where the network is cut nobody hears of it. */
  sourceClosed(source: SimServer): void {
    if (this.#link?.source !== source || this.#server.isCutFrom(source.name)) return;
    this.#drop();
    this.#retryLater();
  }

  /** Something new stands in the source's binary log. */
  pump(source: SimServer): void {
    const link = this.#link;
    if (link === null || link.source !== source || link.isSending) return;
    this.#skipKnown(link);
    const gtid = source.binlog[link.position];
    if (gtid === undefined) return;
    link.isSending = true;
    this.#server.env.queue.after(this.#server.env.network.latencyMs(), () => this.#arrived(link, gtid));
  }

  /** The process is gone; the relay log stays on disk unless recovery throws it away. */
  crashed(keepsRelayLog: boolean): void {
    this.wantsReceiver = false;
    this.wantsApplier = false;
    this.#drop();
    if (keepsRelayLog) return;
    this.relayLog = [];
    this.received = this.received.intersect(this.#server.executed);
  }

  #skipKnown(link: Link): void {
    const known = this.received.union(this.#server.executed);
    for (;;) {
      const gtid = link.source.binlog[link.position];
      if (gtid === undefined || !gtidSet(gtid).isSubsetOf(known)) return;
      link.position += 1;
    }
  }

  #arrived(link: Link, gtid: string): void {
    const { env } = this.#server;
    if (!link.isOpen) return;
    if (this.#server.isCutFrom(link.source.name)) {
      env.queue.after(retransmitMs, () => this.#arrived(link, gtid));
      return;
    }
    link.isSending = false;
    link.position += 1;
    link.heardAtMs = env.queue.nowMs;
    this.received = this.received.union(gtidSet(gtid));
    this.relayLog.push(gtid);
    if (link.isAcknowledging) {
      env.queue.after(env.network.latencyMs(), () => {
        if (link.isOpen && !this.#server.isCutFrom(link.source.name)) link.source.acknowledged(gtid);
      });
    }
    this.#apply();
    this.#server.changed();
    this.pump(link.source);
  }

  #apply(): void {
    if (this.#isApplying || !this.wantsApplier || this.relayLog.length === 0) return;
    this.#isApplying = true;
    this.#server.env.queue.after(this.#server.applyMs, () => {
      this.#isApplying = false;
      if (this.#server.status !== 'up' || this.#server.replica !== this || !this.wantsApplier) {
        // Configured anew in between: the one that took over the relay log applies it.
        this.#server.replica?.resumeApplying();
        return;
      }
      const gtid = this.relayLog.shift();
      if (gtid !== undefined) this.#server.execute(gtid);
      this.#apply();
    });
  }

  resumeApplying(): void {
    this.#apply();
  }

  #connect(): void {
    if (this.#isConnecting || this.#link !== null) return;
    this.#isConnecting = true;
    const { env } = this.#server;
    env.queue.after(env.network.latencyMs() * 2, () => {
      this.#isConnecting = false;
      if (!this.wantsReceiver || this.#server.replica !== this || this.#server.status !== 'up') return;
      const source = this.#server.peerAt(this.source.host, this.source.port);
      if (source === null || source.status !== 'up' || source.offline || this.#server.isCutFrom(source.name)) {
        this.#retryLater();
        return;
      }
      this.#opened(source);
    });
  }

  #opened(source: SimServer): void {
    const { env } = this.#server;
    const isAcknowledging = this.#server.acknowledges;
    const link: Link = {
      source, isAcknowledging, position: 0, isOpen: true, isSending: false, heardAtMs: env.queue.nowMs,
      sourceStartedAtMs: source.startedAtMs,
    };
    this.#link = link;
    this.#heartbeats = 0;
    this.sourceUuid = source.uuid;
    source.followers.add(this.#server);
    this.#watch(link);
    this.#server.changed();
    this.pump(source);
  }

  #watch(link: Link): void {
    const { env } = this.#server;
    env.queue.after(heartbeatPeriodMs, () => {
      if (!link.isOpen) return;
      const isAnother = link.source.startedAtMs !== link.sourceStartedAtMs;
      if (isAnother && link.source.status === 'up' && !this.#server.isCutFrom(link.source.name)) {
        this.#drop();
        this.#retryLater();
        return;
      }
      if (link.source.status === 'up' && !this.#server.isCutFrom(link.source.name)) {
        link.heardAtMs = env.queue.nowMs;
        this.#heartbeats += 1;
      } else if (env.queue.nowMs - link.heardAtMs >= netTimeoutMs) {
        this.#drop();
        this.#retryLater();
        return;
      }
      this.#watch(link);
    });
  }

  #retryLater(): void {
    this.#server.env.queue.after(connectRetryMs, () => {
      if (this.wantsReceiver && this.#server.replica === this) this.#connect();
    });
  }

  get isAcknowledging(): boolean {
    return this.#link?.isAcknowledging ?? false;
  }

  #drop(): void {
    const link = this.#link;
    if (link === null) return;
    link.isOpen = false;
    this.#link = null;
    link.source.followers.delete(this.#server);
  }
}
