/**
 * Manager-to-manager transport. It knows bytes and peers, neither Raft nor MySQL: a message is a channel and a payload
 * of plain data.
 */
import type { ManagerId, ServerAddress } from '../base/index.js';

/**
 * Channels have a bounded queue each and are drained in this order, so that bulk on one never delays another.
 * `raft`: consensus. `ha`: observations, pulses, confirming rounds.
 */
export const channels = ['raft', 'ha'] as const;
export type Channel = (typeof channels)[number];

export interface RpcPeer {
  readonly id: ManagerId;
  readonly address: ServerAddress;
}

export interface RpcOptions {
  readonly clusterId: string;
  readonly self: ManagerId;
  readonly listen: ServerAddress;
  readonly peers: readonly RpcPeer[];
  /** Random, of this manager's data directory: tells two managers with one id apart. Not compared when absent. */
  readonly storeId?: string;
  /** Must be one for all managers: peers with another are refused. Not compared when absent. */
  readonly electionTimeoutMs?: number;
  readonly log: (event: string, facts: Record<string, unknown>) => void;
}

export interface PeerState {
  readonly id: ManagerId;
  /** Both directions are up, or at least one frame came within `reachableMs` (see limits). */
  readonly reachable: boolean;
  /** Monotonic milliseconds since the last frame from this peer; null: never. */
  readonly lastHeardMs: number | null;
  /** Round trip of the transport's own ping; null until known. */
  readonly roundTripMs: number | null;
}

export interface RpcNode {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Never blocks, never throws for a peer's fault; drops the oldest of the channel when its queue is full. */
  send(to: ManagerId, channel: Channel, payload: unknown): void;
  /** Payloads are decoded plain data, not validated: the listener checks the shape. */
  on(channel: Channel, listener: (from: ManagerId, payload: unknown) => void): void;
  peers(): readonly PeerState[];
}
