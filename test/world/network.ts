/**
 * Who can reach whom, and how long one way takes. A cut is silent: packets vanish and nobody is told. Cuts and clogs
 * are directed, so that one-way failures can be said; the fault models built on this decide which to use.
 */
import type { Prng } from '../../src/base/index.js';

export class Network {
  readonly #random: Prng;
  readonly #nowMs: () => number;
  readonly #cuts = new Set<string>();
  /** Until when nothing that is sent arrives: it comes then, late. */
  readonly #clogs = new Map<string, number>();
  /** Added to every way: a slow network. */
  slownessMs = 0;

  constructor(random: Prng, nowMs: () => number) {
    this.#random = random;
    this.#nowMs = nowMs;
  }

  /** One way, milliseconds. */
  latencyMs(from?: string, to?: string): number {
    const quickMs = 0.2 + this.#random.next() * 0.6;
    const slowMs = this.slownessMs === 0 ? 0 : this.#random.next() * this.slownessMs;
    if (this.#clogs.size === 0 || from === undefined || to === undefined) return quickMs + slowMs;
    const cloggedMs = (this.#clogs.get(`${from}>${to}`) ?? 0) - this.#nowMs();
    return quickMs + slowMs + Math.max(0, cloggedMs);
  }

  /** What is sent from `from` to `to` waits on its way until `forMs` have passed. */
  clog(from: string, to: string, forMs: number): void {
    this.#clogs.set(`${from}>${to}`, this.#nowMs() + forMs);
  }

  /** Is something that was sent late still on its way, or was a moment ago? */
  isClogged(from: string, to: string): boolean {
    return this.#clogs.has(`${from}>${to}`) || this.#clogs.has(`${to}>${from}`);
  }

  /** Both ways. */
  cut(left: string, right: string): void {
    this.#cuts.add(`${left}>${right}`).add(`${right}>${left}`);
  }

  /** From `from` to `to` nothing arrives any more. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Is one direction cut? */
  blocks(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  heal(left: string, right: string): void {
    this.#cuts.delete(`${left}>${right}`);
    this.#cuts.delete(`${right}>${left}`);
  }

  healAll(): void {
    this.#cuts.clear();
    this.#clogs.clear();
    this.slownessMs = 0;
  }

  /** Can a request get there and its answer come back? */
  isCut(left: string, right: string): boolean {
    return this.blocks(left, right) || this.blocks(right, left);
  }
}
