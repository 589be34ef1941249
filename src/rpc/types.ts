/**
 * Manager-to-manager transport. It knows bytes and peers, neither Raft nor MySQL: a message is a channel and a payload
 * of plain data.
 */
import type { ManagerId, ServerAddress } from '../base/index.js';

/**
 * Channels have a bounded queue each and are drained in this order, so that bulk on one never delays another.
 * `raft`: consensus. `ha`: observations, pulses, confirming rounds. `bulk`: parts of snapshots.
 */
export const channels = ['raft', 'ha', 'bulk'] as const;
export type Channel = (typeof channels)[number];

export interface RpcPeer {
  readonly id: ManagerId;
  readonly address: ServerAddress;
}

/** What a manager says of itself when a connection begins. Claimed, not proved. Null: not said. */
export interface About {
  /** Random, of its data directory: tells two managers with one id apart. */
  readonly storeId: string | null;
  /** How far its store has come; a lower one than before means that it was set back. */
  readonly storeGeneration: number | null;
  /** Where it can be reached. */
  readonly rpc: ServerAddress | null;
  readonly http: ServerAddress | null;
  readonly reducerMax: number | null;
}

export interface Claim extends About {
  readonly from: ManagerId;
}

/** Why a connection is not taken: a short stable reason, and a sentence. */
export interface PeerRefusal {
  readonly reason: 'removed' | 'other-store' | 'other-store-unsure' | 'older-store';
  readonly detail: string;
}

export interface RpcOptions {
  readonly clusterId: string;
  readonly self: ManagerId;
  readonly listen: ServerAddress;
  readonly peers: readonly RpcPeer[];
  /** Asked anew for each connection. */
  readonly about?: () => About;
  /** Asked after the transport's own checks. Null: welcome. */
  readonly judge?: (claim: Claim) => PeerRefusal | null;
  readonly onAccepted?: (claim: Claim) => void;
  /** A peer would not take our connection. It is dialled again all the same. */
  readonly onRefused?: (peer: ManagerId, reason: string, detail: string) => void;
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
  /**
   * Who is dialled from now on. Connections of those who are peers no more are closed, both ways; whoever still has a
   * place here may dial again, and is then dialled back for as long as it is connected.
   */
  setPeers(peers: readonly RpcPeer[]): void;
  /** What the managers that are connected say of themselves. */
  abouts(): ReadonlyMap<ManagerId, About>;
}
