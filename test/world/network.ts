/**
 * Who can reach whom, and how long one way takes. A cut is silent: packets vanish and nobody is told. Cuts and clogs
 * are directed, so that one-way failures can be said; the fault models built on this decide which to use.
 */
import type { Prng } from '../../src/base/index.js';
import type { EventQueue } from './event-queue.js';

/** What was late arrives together, and takes its time. */
const aMomentMs = 1000;

export class Network {
  readonly #random: Prng;
  readonly #queue: EventQueue;
  readonly #cuts = new Set<string>();
  /** Until when nothing that is sent arrives: it comes then, late. */
  readonly #clogs = new Map<string, number>();
  /** What is kept back, in its order, until somebody lets it go. */
  readonly #held = new Map<string, (() => void)[]>();

  constructor(random: Prng, queue: EventQueue) {
    this.#random = random;
    this.#queue = queue;
  }

  /** One way, milliseconds. */
  latencyMs(from?: string, to?: string): number {
    const quickMs = 0.2 + this.#random.next() * 0.6;
    if (this.#clogs.size === 0 || from === undefined || to === undefined) return quickMs;
    const cloggedMs = (this.#clogs.get(`${from}>${to}`) ?? 0) - this.#queue.nowMs;
    return quickMs + Math.max(0, cloggedMs);
  }

  /** Calls `arrive` after `delayMs`, or when what is held on this way is let go. */
  carry(from: string, to: string, delayMs: number, arrive: () => void): void {
    const held = this.#held.get(`${from}>${to}`);
    if (held === undefined) this.#queue.after(delayMs, arrive);
    else held.push(arrive);
  }

  /** From now on everything that is sent from `from` to `to` is kept back. */
  hold(from: string, to: string): void {
    if (!this.#held.has(`${from}>${to}`)) this.#held.set(`${from}>${to}`, []);
  }

  letGo(from: string, to: string): void {
    this.#letGo(`${from}>${to}`);
  }

  #letGo(link: string): void {
    const held = this.#held.get(link) ?? [];
    this.#held.delete(link);
    for (const arrive of held) this.#queue.after(0, arrive);
  }

  /** What is sent from `from` to `to` waits on its way until `forMs` have passed. */
  clog(from: string, to: string, forMs: number): void {
    this.#clogs.set(`${from}>${to}`, this.#queue.nowMs + forMs);
  }

  /** Is something that was sent late still on its way, or was a moment ago? */
  isClogged(from: string, to: string): boolean {
    const [there, back] = [`${from}>${to}`, `${to}>${from}`];
    return this.#isLate(there) || this.#isLate(back) || this.#held.has(there) || this.#held.has(back);
  }

  #isLate(link: string): boolean {
    return (this.#clogs.get(link) ?? -Infinity) + aMomentMs > this.#queue.nowMs;
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
    for (const link of [...this.#held.keys()]) this.#letGo(link);
  }

  /** Can a request get there and its answer come back? */
  isCut(left: string, right: string): boolean {
    return this.blocks(left, right) || this.blocks(right, left);
  }
}
