/**
 * The life of one manager: running, paused (SIGSTOP, a machine that sleeps) or dead. Everything that reaches a manager
 * (answers, timers, messages) goes through `deliver`: a paused one gets it when it wakes up, a dead one never.
 */
import type { ManagerId } from '../../src/base/index.js';
import type { EventQueue } from './event-queue.js';

export class ManagerProcess {
  readonly id: ManagerId;
  readonly #queue: EventQueue;
  #state: 'running' | 'paused' | 'dead' = 'running';
  #waiting: (() => void)[] = [];
  readonly pauses: { readonly fromMs: number; toMs: number }[] = [];
  readonly #onDeath: (() => void)[] = [];
  readonly #onStop: (() => void)[] = [];

  constructor(id: ManagerId, queue: EventQueue) {
    this.id = id;
    this.#queue = queue;
  }

  get state(): 'running' | 'paused' | 'dead' {
    return this.#state;
  }

  deliver(run: () => void): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'paused') {
      this.#waiting.push(run);
      return;
    }
    this.#queue.woke();
    run();
  }

  /** A timer of this manager. */
  after(delayMs: number, run: () => void): void {
    this.#queue.after(delayMs, () => this.deliver(run));
  }

  pause(): void {
    if (this.#state !== 'running') return;
    this.#state = 'paused';
    this.pauses.push({ fromMs: this.#queue.nowMs, toMs: Infinity });
    for (const notice of this.#onStop) notice();
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const pause = this.pauses.at(-1);
    if (pause !== undefined) pause.toMs = this.#queue.nowMs;
    const waiting = this.#waiting;
    this.#waiting = [];
    // One by one, in the order in which they came, with what each wakes in between.
    for (const run of waiting) this.#queue.after(0, () => this.deliver(run));
  }

  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#waiting = [];
    for (const notice of [...this.#onDeath, ...this.#onStop]) notice();
  }

  /** Called once, at its death: its sockets close. */
  onDeath(notice: () => void): void {
    this.#onDeath.push(notice);
  }

  /** Called whenever it stops answering. */
  onStop(notice: () => void): void {
    this.#onStop.push(notice);
  }
}
