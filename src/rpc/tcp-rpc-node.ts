/**
 * The transport of a manager: one outgoing link per peer, one listening side. Each side dials, so two managers hold two
 * connections, and each direction fails and recovers by itself. It reports who is reachable; it decides nothing.
 */
import { performance } from 'node:perf_hooks';
import { assert, type ManagerId } from '../base/index.js';
import { channels, type Channel, type PeerState, type RpcNode, type RpcOptions } from './types.js';
import type { Identity } from './handshake.js';
import { IncomingSide } from './incoming.js';
import { reachableMs } from './limits.js';
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

class Node implements TcpRpcNode {
  readonly #incoming: IncomingSide;
  readonly #links = new Map<ManagerId, OutgoingLink>();
  readonly #heardAtMs = new Map<ManagerId, number>();
  readonly #listeners = new Map<Channel, Listener[]>(channels.map((name) => [name, []]));
  #state: 'new' | 'running' | 'stopped' = 'new';
  #unknownReceivers = 0;

  constructor(options: RpcOptions) {
    const { clusterId, self, listen, log, storeId = null, electionTimeoutMs = null } = options;
    const identity: Identity = { clusterId, self, storeId, electionTimeoutMs };
    for (const peer of options.peers) {
      assert(peer.id !== self, 'a manager is not its own peer');
      assert(!this.#links.has(peer.id), 'peers must be distinct');
      const onHeard = (): void => this.#heard(peer.id);
      this.#links.set(peer.id, new OutgoingLink({ ...identity, peer, log, nowMs, onHeard }));
    }
    this.#incoming = new IncomingSide({
      ...identity,
      listen,
      log,
      onHeard: (from) => this.#heard(from),
      onAccepted: (from) => this.#links.get(from)?.dialSoon(),
      onPayload: (from, channel, payload) => this.#deliver(from, channel, payload),
    });
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
