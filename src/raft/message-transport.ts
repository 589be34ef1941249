/**
 * A RaftTransport over anything that carries plain data between managers. Each message says how far its sender's store
 * has come, so that a store which is set back later can be told (peers remember the highest). What arrives is checked
 * here, once: a message that is not one is dropped and reported, and nothing behind this file sees it.
 */
import type { ManagerId } from '../base/index.js';
import { decodeMessage } from './core/index.js';
import type { RaftTransport } from './types.js';

/** Parts of snapshots go apart, behind everything else. Their order to other messages does not matter. */
export type MessageChannel = 'raft' | 'bulk';

export interface Carrier {
  send(to: ManagerId, channel: MessageChannel, payload: unknown): void;
  listen(channel: MessageChannel, listener: (from: ManagerId, payload: unknown) => void): void;
  onMalformed(from: ManagerId): void;
}

export interface Generations {
  /** Of the own store. */
  own(): number;
  heard(from: ManagerId, generation: number): void;
}

export function createMessageTransport(carrier: Carrier, generations: Generations): RaftTransport {
  return {
    send: (to, message) => {
      const channel = message.kind === 'snapshot-chunk' ? 'bulk' : 'raft';
      carrier.send(to, channel, { generation: generations.own(), message });
    },
    onMessage: (listener) => {
      const receive = (from: ManagerId, payload: unknown): void => {
        const { generation, message: said } = (payload ?? {}) as { generation?: unknown; message?: unknown };
        const message = decodeMessage(said ?? null);
        if (message === null || !Number.isSafeInteger(generation)) {
          carrier.onMalformed(from);
          return;
        }
        generations.heard(from, generation as number);
        listener(from, message);
      };
      carrier.listen('raft', receive);
      carrier.listen('bulk', receive);
    },
  };
}
