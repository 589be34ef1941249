/** Callers that wait for a proof of leadership. Each is answered exactly once; time over is an answer. */
import type { ProofOutcome } from './types.js';

interface Waiting {
  readonly resolve: (outcome: ProofOutcome) => void;
  readonly timer: NodeJS.Timeout;
}

export class WaitingProofs {
  readonly #waiting = new Map<number, Waiting>();

  add(readId: number, withinMs: number): Promise<ProofOutcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.settle(readId, { kind: 'timed-out' }), withinMs);
      this.#waiting.set(readId, { resolve, timer });
    });
  }

  settle(readId: number, outcome: ProofOutcome): void {
    const waiting = this.#waiting.get(readId);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(readId);
    waiting.resolve(outcome);
  }

  endAll(): void {
    for (const readId of [...this.#waiting.keys()]) this.settle(readId, { kind: 'timed-out' });
  }
}
