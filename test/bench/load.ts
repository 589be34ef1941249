/** So many callers, each of which asks again as soon as it is answered; how many answers a second, and how late. */
import { percentile } from './numbers.js';

export interface LoadPlan {
  readonly inFlight: number;
  /** Not counted: connections, caches and the other system's leftovers settle. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** `ask` rejects when it was not acknowledged, and then the run counts for nothing: it rejects too. */
export async function runLoad(plan: LoadPlan, ask: (n: number) => Promise<void>): Promise<LoadResult> {
  const fromMs = performance.now() + plan.warmUpMs;
  const untilMs = fromMs + plan.measureMs;
  const latencies: number[] = [];
  let asked = 0;
  let lastMs = fromMs;
  const caller = async (): Promise<void> => {
    for (let sentMs = performance.now(); sentMs < untilMs; sentMs = performance.now()) {
      asked += 1;
      await ask(asked);
      const answeredMs = performance.now();
      if (sentMs < fromMs) continue;
      latencies.push(answeredMs - sentMs);
      lastMs = Math.max(lastMs, answeredMs);
    }
  };
  await Promise.all(Array.from({ length: plan.inFlight }, caller));
  return {
    operations: latencies.length,
    perSecond: latencies.length / ((lastMs - fromMs) / 1000),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}

/** So many of them, as fast as `inFlight` callers can. */
export async function runCount(count: number, inFlight: number, ask: (n: number) => Promise<void>): Promise<void> {
  let asked = 0;
  const caller = async (): Promise<void> => {
    while (asked < count) {
      asked += 1;
      await ask(asked);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

const keys = 1000;
const keyTexts = Array.from({ length: keys }, (_, n) => {
  return new TextEncoder().encode(`bench/${String(n).padStart(6, '0')}`);
});

/** The same thousand keys in turn, in both systems. */
export function keyOf(n: number): Uint8Array {
  return keyTexts[n % keys] ?? new Uint8Array();
}

/** Not all one byte: compression, where there is any, must not make it smaller. */
export function valueOf(bytes: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: bytes }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state & 0xff;
  });
}
