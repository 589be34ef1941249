/**
 * An action session as the server sees it: who acts, whether the connection still lives, and the named lock. The
 * contract is that of ServersPort.open: a holder of a lower (or the same) epoch is killed, a higher one is never
 * touched, and a session that was killed executes nothing any more.
 */
import { ActionError } from '../../src/base/index.js';
import type { Fence } from '../../src/ha/index.js';
import type { Network } from './network.js';
import type { SimServer } from './sim-server.js';

export class SimSession {
  readonly server: SimServer;
  readonly fence: Fence;
  #isAlive = true;
  endedAtMs = Infinity;
  /** When the last thing that was sent arrives: a connection keeps its order, and its end comes last. */
  quietAtMs = 0;
  readonly #onEnd: (() => void)[] = [];

  constructor(server: SimServer, fence: Fence) {
    this.server = server;
    this.fence = fence;
    server.sessions.add(this);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Its owner has closed the connection, or has died: the end arrives after all that was sent. */
  endLater(network: Network): void {
    const { env, name } = this.server;
    const { manager } = this.fence;
    const delayMs = Math.max(network.latencyMs(manager, name), this.quietAtMs - env.queue.nowMs);
    network.carry(manager, name, delayMs, () => this.end());
  }

  /** Closed by its owner, killed, or gone with its server: the lock is free. */
  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.endedAtMs = this.server.env.queue.nowMs;
    this.server.sessions.delete(this);
    if (this.server.lock === this) this.server.lock = null;
    for (const notice of this.#onEnd) notice();
  }

  onEnd(notice: () => void): void {
    if (this.#isAlive) this.#onEnd.push(notice);
    else notice();
  }
}

/** Null: locked. */
export function takeLock(session: SimSession): ActionError | null {
  const { server, fence } = session;
  const holder = server.lock;
  if (holder !== null && holder.fence.epoch > fence.epoch) {
    return fenced(`${server.name}: epoch ${holder.fence.epoch} holds the lock`, holder.fence.epoch);
  }
  holder?.end();
  server.lock = session;
  const recorded = server.recordedEpochs.get(fence.cluster) ?? 0;
  if (recorded > fence.epoch) return fenced(`${server.name}: epoch ${recorded} is recorded there`, recorded);
  return null;
}

export function fenced(sentence: string, higherEpoch: number): ActionError {
  return new ActionError('fenced', sentence, { higherEpoch });
}
