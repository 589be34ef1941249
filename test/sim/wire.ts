/**
 * What carries messages between managers: it loses, delays, repeats and reorders them, and can be clogged. Each pair of
 * lives says hello first, as real connections do: who is refused is told so, and nothing of it is heard.
 */
import type { ManagerId } from '../../src/base/index.js';
import type { Claim, PeerRefusal } from '../../src/rpc/index.js';
import type { Environment } from '../world/environment.js';
import type { ManagerProcess } from '../world/manager-process.js';

/** One life of one manager, as the wire sees it. */
export interface Endpoint {
  readonly id: ManagerId;
  readonly process: ManagerProcess;
  /** Who was welcomed since this life began, or since its membership changed last. */
  readonly welcomed: Set<Endpoint>;
  claim(): Claim;
  judge(claim: Claim): PeerRefusal | null;
  accepted(claim: Claim): void;
  refused(by: ManagerId, refusal: PeerRefusal): void;
  receive(channel: string, from: ManagerId, payload: unknown): void;
}

export class Wire {
  lossShare = 0;
  replayShare = 0;
  delayMs = 0;
  readonly clogged = new Map<string, number>();
  readonly #env: Environment;
  readonly #endpoints = new Map<ManagerId, Endpoint>();

  constructor(env: Environment) {
    this.#env = env;
  }

  attach(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.id, endpoint);
  }

  calm(): void {
    [this.lossShare, this.replayShare, this.delayMs] = [0, 0, 0];
    this.clogged.clear();
  }

  send(from: Endpoint, to: ManagerId, channel: string, payload: unknown): void {
    const { random, queue, network } = this.#env;
    if (random.next() < this.lossShare) return;
    const copies = random.next() < this.replayShare ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const extraMs = this.delayMs > 0 ? random.next() * this.delayMs : 0;
      // A repeated one may come much later, into another term.
      const lateMs = copy > 0 ? random.next() * 3000 : 0;
      const clogMs = Math.max(0, (this.clogged.get(`${from.id}>${to}`) ?? 0) - queue.nowMs);
      queue.after(network.latencyMs() + extraMs + lateMs + clogMs, () => this.#arrive(from, to, channel, payload));
    }
  }

  #arrive(from: Endpoint, to: ManagerId, channel: string, payload: unknown): void {
    const endpoint = this.#endpoints.get(to);
    if (endpoint === undefined || this.#env.network.blocks(from.id, to)) return;
    endpoint.process.deliver(() => {
      if (!endpoint.welcomed.has(from) && !this.#welcome(from, endpoint)) return;
      endpoint.receive(channel, from.id, payload);
    });
  }

  #welcome(from: Endpoint, to: Endpoint): boolean {
    // Of a life that is over nothing new can be connected; what it said on an old connection may still come.
    if (this.#endpoints.get(from.id) !== from) return false;
    const claim = from.claim();
    const refusal = to.judge(claim);
    if (refusal === null) {
      to.accepted(claim);
      to.welcomed.add(from);
      return true;
    }
    this.#env.trace.say(to.id, `refuses ${from.id}: ${refusal.reason}`);
    this.#env.queue.after(this.#env.network.latencyMs(), () => {
      if (!this.#env.network.blocks(to.id, from.id)) from.process.deliver(() => from.refused(to.id, refusal));
    });
    return false;
  }
}
