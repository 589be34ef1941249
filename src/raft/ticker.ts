/**
 * Turns a monotonic clock into ticks. After a pause (of the process, the machine, the event loop) it lets the messages
 * that queued up go first, and then gives only some of the missed ticks: otherwise a manager that merely slept would
 * call an election against a leader whose heartbeats lie unread in its socket.
 */
import type { Timers } from './timers.js';

export interface TickerOptions {
  readonly tickMs: number;
  /** Ticks given at once after a pause, at most. */
  readonly catchUpTicksMax: number;
  readonly monotonicMs: () => number;
  readonly timers: Timers;
  readonly onTick: () => void;
  readonly onPause: (lateMs: number) => void;
}

export class Ticker {
  readonly #options: TickerOptions;
  #endTimer: (() => void) | null = null;
  #endWait: (() => void) | null = null;
  #lastTickMs = 0;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  start(): void {
    const { tickMs, timers, monotonicMs } = this.#options;
    this.#lastTickMs = monotonicMs();
    this.#endTimer = timers.every(tickMs, () => this.#look());
  }

  stop(): void {
    this.#endTimer?.();
    this.#endWait?.();
    this.#endTimer = null;
    this.#endWait = null;
  }

  #look(): void {
    if (this.#endWait !== null) return;
    if (this.#dueTicks() <= 2) {
      this.#fire();
      return;
    }
    this.#endWait = this.#options.timers.afterReads(() => {
      this.#endWait = null;
      this.#fire();
    });
  }

  #dueTicks(): number {
    return Math.floor((this.#options.monotonicMs() - this.#lastTickMs) / this.#options.tickMs);
  }

  #fire(): void {
    const { tickMs, catchUpTicksMax, onTick, onPause } = this.#options;
    const due = this.#dueTicks();
    this.#lastTickMs += due * tickMs;
    if (due > catchUpTicksMax) onPause(due * tickMs);
    for (let tick = 0; tick < Math.min(due, catchUpTicksMax); tick += 1) {
      if (this.#endTimer !== null) onTick();
    }
  }
}
