import { createServer, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Ticker } from './ticker.js';
import { nodeTimers } from './timers.js';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function startTicker(tickMs: number, monotonicMs: () => number): { seen: string[]; ticker: Ticker } {
  const seen: string[] = [];
  const ticker = new Ticker({
    tickMs,
    catchUpTicksMax: 10,
    monotonicMs,
    timers: nodeTimers,
    onTick: () => seen.push('tick'),
    onPause: () => seen.push('late'),
  });
  ticker.start();
  cleanups.push(() => ticker.stop());
  return { seen, ticker };
}

/** A socket whose other end writes 'x' when asked. */
async function connectedPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const far = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  const near = await accepted;
  cleanups.push(() => far.destroy(), () => near.destroy(), () => server.close());
  return { near, far };
}

function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('the ticker', () => {
  it('counts the clock and not the firings of its timer', async () => {
    let nowMs = 0;
    const { seen } = startTicker(2, () => nowMs);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen).toEqual([]);
    nowMs = 5;
    await vi.waitFor(() => expect(seen).toEqual(['tick', 'tick']));
  });

  it('lets messages that queued up during a pause go first, then gives a bounded number of ticks', async () => {
    const { near, far } = await connectedPair();
    const { seen, ticker } = startTicker(10, () => performance.now());
    near.on('data', () => seen.push('message'));
    // A macrotask of its own, so that the pause ends at the beginning of a turn of the event loop, with timers due.
    await new Promise((resolve) => setImmediate(resolve));
    seen.length = 0;
    far.write('x');
    blockFor(300);
    await vi.waitFor(() => expect(seen).toContain('tick'), { interval: 1 });
    ticker.stop();
    expect(seen.slice(0, 2)).toEqual(['message', 'late']);
    expect(seen.filter((what) => what === 'tick').length).toBeLessThanOrEqual(10 + 2);
  });

  it('gives no tick after it was stopped', async () => {
    let nowMs = 0;
    const { seen, ticker } = startTicker(2, () => nowMs);
    nowMs = 1000;
    ticker.stop();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen).toEqual([]);
  });
});
