/** The one caller that waits for the leadership to be handed over. Answered exactly once; time over is an answer. */
import type { ManagerId } from '../base/index.js';
import type { Timers } from './timers.js';
import type { TransferOutcome } from './types.js';

export class WaitingTransfer {
  readonly #timers: Timers;
  #resolve: ((outcome: TransferOutcome) => void) | null = null;
  #endTimer: () => void = () => undefined;
  #hasHandedOver = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get isWaiting(): boolean {
    return this.#resolve !== null;
  }

  begin(withinMs: number): Promise<TransferOutcome> {
    this.#hasHandedOver = false;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#endTimer = this.#timers.after(withinMs, () => {
        this.end({ kind: 'unknown', reason: `no other leader was heard within ${withinMs} ms` });
      });
    });
  }

  /** What the core said. Handed over is half of it: the rest is a leader that is heard. */
  ended(outcome: 'handed-over' | 'refused', reason: string): void {
    if (outcome === 'refused') this.end({ kind: 'refused', reason });
    else this.#hasHandedOver = true;
  }

  leaderIs(leader: ManagerId | null, self: ManagerId): void {
    if (!this.#hasHandedOver || leader === null || leader === self) return;
    this.end({ kind: 'transferred', leader });
  }

  end(outcome: TransferOutcome): void {
    const resolve = this.#resolve;
    if (resolve === null) return;
    this.#resolve = null;
    this.#endTimer();
    resolve(outcome);
  }
}
