/**
 * Virtual time: events in the order of their time, then of their making. Between two events everything that was woken
 * by the first runs to its end, so that one seed gives one order.
 * Nothing here or in what it drives may read a real clock.
 */
interface Scheduled {
  /** Whole microseconds: whoever waits for "the rest" of a time must not be left waiting for a rounding error. */
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

export class EventQueue {
  #nowUs = 0;
  #order = 0;
  #hasWoken = false;
  #digest = 0;
  readonly #heap: Scheduled[] = [];
  readonly #observers: (() => void)[] = [];

  get nowMs(): number {
    return this.#nowUs / 1000;
  }

  /** Of the times and the order of all events so far: two equal runs have equal ones. */
  get digest(): number {
    return this.#digest;
  }

  /** Runs `run` after `delayMs` of virtual time. */
  after(delayMs: number, run: () => void): void {
    this.#order += 1;
    const delayUs = delayMs <= 0 ? 0 : Math.max(1, Math.round(delayMs * 1000));
    this.#push({ atUs: this.#nowUs + delayUs, order: this.#order, run });
  }

  /** To be called by whoever settles a promise: what waits for it runs before the next event. */
  woke(): void {
    this.#hasWoken = true;
  }

  /** Called after every event. */
  observe(observer: () => void): void {
    this.#observers.push(observer);
  }

  /** Runs until `isDone`, at most `withinMs`. False when the time was up first. */
  async runUntil(isDone: () => boolean, withinMs: number): Promise<boolean> {
    const endsAtUs = this.#nowUs + Math.round(withinMs * 1000);
    // Lets the test runner breathe: nothing below gives way to timers or sockets.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#settle();
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.atUs > endsAtUs) {
        this.#nowUs = endsAtUs;
        return false;
      }
      this.#pop();
      this.#nowUs = next.atUs;
      this.#digest = (Math.imul(this.#digest ^ next.atUs, 0x01000193) ^ next.order) >>> 0;
      next.run();
      await this.#settle();
      for (const observer of this.#observers) observer();
    }
    return true;
  }

  async run(forMs: number): Promise<void> {
    await this.runUntil(() => false, forMs);
  }

  /** Node runs ticks only once no promise has anything left to do, and nothing in the world waits for anything real. */
  async #settle(): Promise<void> {
    if (!this.#hasWoken) return;
    this.#hasWoken = false;
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    heap.push(event);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at] as Scheduled, heap[parent] as Scheduled)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    heap[0] = last;
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isBefore(heap[child] as Scheduled, heap[least] as Scheduled)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(left: number, right: number): void {
    const heap = this.#heap;
    [heap[left], heap[right]] = [heap[right] as Scheduled, heap[left] as Scheduled];
  }
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  return left.atUs < right.atUs || (left.atUs === right.atUs && left.order < right.order);
}
