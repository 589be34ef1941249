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
  /** False: one connection keeps its order; what is sent later arrives later. */
  overtakes = false;
  /** What is sent from one to another by then arrives after it. */
  readonly clogged = new Map<string, number>();
  readonly #lastArrivalMs = new Map<string, number>();
  readonly #env: Environment;
  readonly #endpoints = new Map<ManagerId, Endpoint>();

  /** A connection was taken. */
  onWelcome: (from: Endpoint, to: Endpoint) => void = () => undefined;

  constructor(env: Environment) {
    this.#env = env;
  }

  attach(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.id, endpoint);
  }

  calm(): void {
    Object.assign(this, { lossShare: 0, replayShare: 0, delayMs: 0, overtakes: false });
    this.clogged.clear();
  }

  send(from: Endpoint, to: ManagerId, channel: string, payload: unknown): void {
    const { random, queue, network } = this.#env;
    if (this.lossShare > 0 && random.next() < this.lossShare) return;
    const copies = this.replayShare > 0 && random.next() < this.replayShare ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const extraMs = this.delayMs > 0 ? random.next() * this.delayMs : 0;
      // A repeated one may come much later, into another term.
      const lateMs = copy > 0 ? random.next() * 3000 : 0;
      const clogMs = Math.max(0, (this.clogged.get(`${from.id}>${to}`) ?? 0) - queue.nowMs);
      const delayMs = network.latencyMs() + extraMs + lateMs + clogMs;
      const inOrderMs = copy === 0 ? this.#inOrder(`${from.id}>${to}>${channel}`, delayMs) : delayMs;
      queue.after(inOrderMs, () => this.#arrive(from, to, channel, payload));
    }
  }

  #inOrder(link: string, delayMs: number): number {
    if (this.overtakes) return delayMs;
    const { nowMs } = this.#env.queue;
    const atMs = Math.max(nowMs + delayMs, this.#lastArrivalMs.get(link) ?? 0);
    this.#lastArrivalMs.set(link, atMs);
    return atMs - nowMs;
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
      this.onWelcome(from, to);
      return true;
    }
    this.#env.trace.say(to.id, `refuses ${from.id}: ${refusal.reason}`);
    this.#env.queue.after(this.#env.network.latencyMs(), () => {
      if (!this.#env.network.blocks(to.id, from.id)) from.process.deliver(() => from.refused(to.id, refusal));
    });
    return false;
  }
}
