/**
 * Turns a monotonic clock into ticks. After a pause (of the process, the machine, the event loop) it lets the messages
 * that queued up go first, and then gives only some of the missed ticks: otherwise a manager that merely slept would
 * call an election against a leader whose heartbeats lie unread in its socket.
 */
export interface TickerOptions {
  readonly tickMs: number;
  /** Ticks given at once after a pause, at most. */
  readonly catchUpTicksMax: number;
  readonly monotonicMs: () => number;
  readonly onTick: () => void;
  readonly onPause: (lateMs: number) => void;
}

export class Ticker {
  readonly #options: TickerOptions;
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #lastTickMs = 0;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lastTickMs = this.#options.monotonicMs();
    this.#timer = setInterval(() => this.#look(), this.#options.tickMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#timer = null;
    this.#immediate = null;
  }

  #look(): void {
    if (this.#immediate !== null) return;
    if (this.#dueTicks() <= 2) {
      this.#fire();
      return;
    }
    // Timers run before sockets are read, immediates after; the second one leaves room for a second read.
    this.#immediate = setImmediate(() => {
      this.#immediate = setImmediate(() => {
        this.#immediate = null;
        this.#fire();
      });
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
      if (this.#timer !== null) onTick();
    }
  }
}
