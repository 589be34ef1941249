/**
 * A RaftTransport over anything that carries plain data between managers. What arrives is checked here, once: a message
 * that is not one is dropped and reported, and nothing behind this file sees it.
 */
import type { ManagerId } from '../base/index.js';
import { decodeMessage } from './core/index.js';
import type { RaftTransport } from './types.js';

export interface Carrier {
  send(to: ManagerId, payload: unknown): void;
  listen(listener: (from: ManagerId, payload: unknown) => void): void;
  onMalformed(from: ManagerId): void;
}

export function createMessageTransport(carrier: Carrier): RaftTransport {
  return {
    send: (to, message) => carrier.send(to, message),
    onMessage: (listener) =>
      carrier.listen((from, payload) => {
        const message = decodeMessage(payload);
        if (message === null) carrier.onMalformed(from);
        else listener(from, message);
      }),
  };
}
