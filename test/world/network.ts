/**
 * Who can reach whom, and how long one way takes. A cut is silent: packets vanish and nobody is told. Cuts are
 * directed, so that one-way failures can be said; the fault models built on this decide which to use.
 */
import type { Prng } from '../../src/base/index.js';

export class Network {
  readonly #random: Prng;
  readonly #cuts = new Set<string>();

  constructor(random: Prng) {
    this.#random = random;
  }

  /** One way, milliseconds. */
  latencyMs(): number {
    return 0.2 + this.#random.next() * 0.6;
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
    return this.#cuts.has(`${from}>${to}`);
  }

  heal(left: string, right: string): void {
    this.#cuts.delete(`${left}>${right}`);
    this.#cuts.delete(`${right}>${left}`);
  }

  healAll(): void {
    this.#cuts.clear();
  }

  /** Can a request get there and its answer come back? */
  isCut(left: string, right: string): boolean {
    return this.#cuts.has(`${left}>${right}`) || this.#cuts.has(`${right}>${left}`);
  }
}
