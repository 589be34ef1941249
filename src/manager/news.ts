/** Something happened: wakes whoever waits. Waits are bounded, and a wake-up promises nothing: look again. */
import { nodeTimers } from '../raft/index.js';
import type { Timers } from '../raft/index.js';

export class News {
  readonly #timers: Timers;
  readonly #waiting = new Set<() => void>();

  constructor(timers: Timers = nodeTimers) {
    this.#timers = timers;
  }

  announce(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  wait(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        endTimer();
        this.#waiting.delete(wake);
        resolve();
      };
      const endTimer = this.#timers.after(withinMs, wake);
      this.#waiting.add(wake);
    });
  }
}
