/**
 * The transport of a manager: one outgoing link per peer, one listening side. Each side dials, so two managers hold two
 * connections, and each direction fails and recovers by itself. It reports who is reachable; it decides nothing.
 */
import { performance } from 'node:perf_hooks';
import { assert, type ManagerId, type ServerAddress } from '../base/index.js';
import { channels, type Channel, type PeerState, type RpcNode, type RpcOptions, type RpcPeer } from './types.js';
import type { About, Claim } from './types.js';
import type { Identity } from './handshake.js';
import { IncomingSide } from './incoming.js';
import { callersMax, reachableMs } from './limits.js';
import { OutgoingLink } from './outgoing.js';

export interface RpcStats {
  readonly droppedFrames: number;
  readonly waitingFrames: number;
  readonly waitingBytes: number;
  readonly incomingConnections: number;
  readonly incomingHeldBytes: number;
}

export interface TcpRpcNode extends RpcNode {
  /** The port listened on: the configured one, or the one given for port 0. */
  readonly port: number;
  stats(): RpcStats;
}

type Listener = (from: ManagerId, payload: unknown) => void;

const nothingSaid: About = { storeId: null, storeGeneration: null, rpc: null, http: null, reducerMax: null };

class Node implements TcpRpcNode {
  readonly #options: RpcOptions;
  readonly #identity: Identity;
  readonly #incoming: IncomingSide;
  readonly #links = new Map<ManagerId, OutgoingLink>();
  readonly #addresses = new Map<ManagerId, ServerAddress>();
  /** Dialled only because they dialled us. */
  readonly #callers = new Set<ManagerId>();
  readonly #abouts = new Map<ManagerId, About>();
  readonly #heardAtMs = new Map<ManagerId, number>();
  readonly #listeners = new Map<Channel, Listener[]>(channels.map((name) => [name, []]));
  #state: 'new' | 'running' | 'stopped' = 'new';
  #unknownReceivers = 0;

  constructor(options: RpcOptions) {
    this.#options = options;
    const { clusterId, self, listen, log, electionTimeoutMs = null } = options;
    this.#identity = { clusterId, self, electionTimeoutMs, about: options.about ?? (() => nothingSaid) };
    this.setPeers(options.peers);
    this.#incoming = new IncomingSide({
      ...this.#identity,
      listen,
      log,
      judge: options.judge ?? (() => null),
      onHeard: (from) => this.#heard(from),
      onAccepted: (claim) => this.#accepted(claim),
      onGone: (from) => this.#gone(from),
      onPayload: (from, channel, payload) => this.#deliver(from, channel, payload),
    });
  }

  setPeers(peers: readonly RpcPeer[]): void {
    const ids = peers.map((peer) => peer.id);
    assert(!ids.includes(this.#options.self), 'a manager is not its own peer');
    assert(new Set(ids).size === ids.length, 'peers must be distinct');
    for (const id of [...this.#links.keys()]) {
      // A caller stays one: it is connected, and was judged by what is known now when it dialled.
      if (ids.includes(id) || this.#callers.has(id)) continue;
      this.#removeLink(id);
      this.#incoming.endFrom(id);
    }
    for (const { id, address } of peers) {
      this.#callers.delete(id);
      this.#link(id, address);
    }
  }

  abouts(): ReadonlyMap<ManagerId, About> {
    return this.#abouts;
  }

  #link(id: ManagerId, address: ServerAddress): void {
    const known = this.#addresses.get(id);
    if (known?.host === address.host && known.port === address.port) return;
    this.#removeLink(id);
    const { log, onRefused } = this.#options;
    const link = new OutgoingLink({
      ...this.#identity,
      peer: { id, address },
      log,
      nowMs,
      onHeard: () => this.#heard(id),
      onRefused: (reason, detail) => onRefused?.(id, reason, detail),
    });
    this.#links.set(id, link);
    this.#addresses.set(id, address);
    if (this.#state === 'running') link.start();
  }

  #removeLink(id: ManagerId): void {
    this.#links.get(id)?.stop();
    this.#links.delete(id);
    this.#addresses.delete(id);
    this.#callers.delete(id);
    this.#heardAtMs.delete(id);
  }

  #accepted(claim: Claim): void {
    const { from, ...about } = claim;
    this.#abouts.set(from, about);
    this.#options.onAccepted?.(claim);
    const isStranger = !this.#links.has(from);
    // Its membership may be newer than ours: without an answer of ours it could never tell us (Raft thesis 4.1).
    if (isStranger && about.rpc !== null && this.#callers.size < callersMax) {
      this.#link(from, about.rpc);
      this.#callers.add(from);
    }
    this.#links.get(from)?.dialSoon();
  }

  #gone(from: ManagerId): void {
    this.#abouts.delete(from);
    if (this.#callers.has(from)) this.#removeLink(from);
  }

  get port(): number {
    return this.#incoming.port;
  }

  async start(): Promise<void> {
    assert(this.#state === 'new', 'a transport is started once');
    await this.#incoming.start();
    this.#state = 'running';
    for (const link of this.#links.values()) link.start();
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    for (const link of this.#links.values()) link.stop();
    await this.#incoming.stop();
  }

  send(to: ManagerId, channel: Channel, payload: unknown): void {
    if (this.#state !== 'running') return;
    const link = this.#links.get(to);
    if (link === undefined) this.#unknownReceivers += 1;
    else link.send(channel, payload);
  }

  on(channel: Channel, listener: Listener): void {
    this.#listeners.get(channel)?.push(listener);
  }

  peers(): readonly PeerState[] {
    const now = nowMs();
    return [...this.#links].map(([id, link]) => {
      const heardAtMs = this.#heardAtMs.get(id);
      const lastHeardMs = heardAtMs === undefined ? null : now - heardAtMs;
      const reachable = lastHeardMs !== null && lastHeardMs <= reachableMs;
      return { id, reachable, lastHeardMs, roundTripMs: link.roundTripMs };
    });
  }

  stats(): RpcStats {
    const queues = [...this.#links.values()].map((link) => link.queue);
    const sum = (of: (queue: OutgoingLink['queue']) => number): number =>
      queues.reduce((total, queue) => total + of(queue), 0);
    return {
      droppedFrames: this.#unknownReceivers + sum((queue) => queue.droppedFrames),
      waitingFrames: sum((queue) => queue.waitingFrames),
      waitingBytes: sum((queue) => queue.waitingBytes),
      incomingConnections: this.#incoming.connectionCount,
      incomingHeldBytes: this.#incoming.heldBytes,
    };
  }

  /** Senders that are no peers of ours are not remembered: an id costs nothing to make up. */
  #heard(from: ManagerId): void {
    if (this.#links.has(from)) this.#heardAtMs.set(from, nowMs());
  }

  #deliver(from: ManagerId, channel: Channel, payload: unknown): void {
    if (this.#state !== 'running') return;
    for (const listener of this.#listeners.get(channel) ?? []) listener(from, payload);
  }
}

const nowMs = (): number => performance.now();

export function createRpcNode(options: RpcOptions): TcpRpcNode {
  return new Node(options);
}
