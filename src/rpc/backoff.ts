/** Waiting times between dials: doubling from the least to the most, each drawn from its upper half. */
import { backoffMaxMs, backoffMinMs } from './limits.js';

export class Backoff {
  #failures = 0;

  nextMs(): number {
    const fullMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return fullMs / 2 + (Math.random() * fullMs) / 2;
  }

  reset(): void {
    this.#failures = 0;
  }
}
