/** Callers that wait for a proof of leadership. Each is answered exactly once; time over is an answer. */
import type { Timers } from './timers.js';
import type { ProofOutcome } from './types.js';

interface Waiting {
  readonly resolve: (outcome: ProofOutcome) => void;
  readonly endTimer: () => void;
}

export class WaitingProofs {
  readonly #timers: Timers;
  readonly #waiting = new Map<number, Waiting>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  add(readId: number, withinMs: number): Promise<ProofOutcome> {
    return new Promise((resolve) => {
      const endTimer = this.#timers.after(withinMs, () => this.settle(readId, { kind: 'timed-out' }));
      this.#waiting.set(readId, { resolve, endTimer });
    });
  }

  settle(readId: number, outcome: ProofOutcome): void {
    const waiting = this.#waiting.get(readId);
    if (waiting === undefined) return;
    waiting.endTimer();
    this.#waiting.delete(readId);
    waiting.resolve(outcome);
  }

  endAll(): void {
    for (const readId of [...this.#waiting.keys()]) this.settle(readId, { kind: 'timed-out' });
  }
}
