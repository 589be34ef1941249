/**
 * Every port call of every manager goes through here, so that a test can count them and let a manager die or pause at
 * each: before the effect (the request never left, or leaves only when the manager wakes up) and after it (the effect
 * is there, the answer never comes, or comes when the manager wakes up).
 */
import type { Environment } from './environment.js';
import type { ManagerProcess } from './manager-process.js';

export type Side = 'before' | 'after';
/** What happens to the manager there, or to the rest of the world while the manager goes on. */
export type CallFault = 'kill' | 'pause' | (() => void);

export interface PlannedFault {
  /** Counted from `arm`. */
  readonly callIndex: number;
  readonly side: Side;
  readonly fault: CallFault;
}

export interface Answer<T> {
  ok(value: T): void;
  fail(error: Error): void;
}

export interface CallOptions {
  readonly label: string;
  /** Who is called; without it the way there is never clogged. */
  readonly to?: string;
  /** When what was sent before on the same connection arrives: nothing overtakes it. */
  readonly notBeforeMs?: number;
  /** Told when the request will arrive. */
  readonly onSent?: (arrivesAtMs: number) => void;
  /** Runs in the manager when the answer has come, right before the caller goes on. */
  readonly onReturn?: () => void;
}

export class PortCalls {
  readonly #env: Environment;
  readonly #process: ManagerProcess;
  #isArmed = false;
  #fault: PlannedFault | null = null;
  readonly #labels: string[] = [];

  constructor(env: Environment, process: ManagerProcess) {
    this.#env = env;
    this.#process = process;
  }

  /** Counts from here on. */
  arm(fault: PlannedFault | null): void {
    this.#isArmed = true;
    this.#fault = fault;
    this.#labels.length = 0;
  }

  /** What was called since `arm`. */
  get labels(): readonly string[] {
    return this.#labels;
  }

  /** `far` runs at the other end after one way; the answer takes the other. */
  call<T>(options: CallOptions, far: (answer: Answer<T>) => void): Promise<T> {
    const index = this.#isArmed ? this.#labels.push(options.label) - 1 : -1;
    const { queue, network } = this.#env;
    return new Promise<T>((resolve, reject) => {
      let isAnswered = false;
      const back = (settle: () => void): void => {
        if (isAnswered) return;
        isAnswered = true;
        const arrive = (): void => this.#process.deliver(() => {
          options.onReturn?.();
          settle();
        });
        const delayMs = (): number => network.latencyMs(options.to, this.#process.id);
        this.#gate(index, 'after', options.label, () => queue.after(delayMs(), arrive));
      };
      this.#gate(index, 'before', options.label, () => {
        const soonestMs = network.latencyMs(this.#process.id, options.to);
        const waitMs = Math.max(soonestMs, (options.notBeforeMs ?? 0) - queue.nowMs);
        options.onSent?.(queue.nowMs + waitMs);
        const arrive = (): void => far({
          ok: (value) => back(() => resolve(value)),
          fail: (error) => back(() => reject(error)),
        });
        if (options.to === undefined) queue.after(waitMs, arrive);
        else network.carry(this.#process.id, options.to, waitMs, arrive);
      });
    });
  }

  #gate(index: number, side: Side, label: string, go: () => void): void {
    const fault = this.#fault;
    if (fault === null || fault.callIndex !== index || fault.side !== side) {
      go();
      return;
    }
    this.#env.trace.say(this.#process.id, `fault ${side} call ${index} (${label})`);
    if (typeof fault.fault === 'function') fault.fault();
    else if (fault.fault === 'kill') this.#process.kill();
    else this.#process.pause();
    // An answer comes in from the network while the manager sleeps; a request leaves only when it wakes up.
    if (side === 'after') go();
    else this.#process.deliver(go);
  }
}
