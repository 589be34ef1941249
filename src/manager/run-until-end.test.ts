import { describe, expect, it, vi } from 'vitest';
import { runUntilEnd } from './run-until-end.js';

const never = new Promise<never>(() => undefined);

function managerOf(start: Promise<void>, failed: Promise<string> = never) {
  return { start: () => start, stop: vi.fn(async () => undefined), failed };
}

describe('the life of a manager', () => {
  it('ends in order when it is told to stop', async () => {
    const manager = managerOf(Promise.resolve());
    expect(await runUntilEnd(manager, Promise.resolve())).toBeNull();
    const running = managerOf(Promise.resolve());
    let tell = (): void => undefined;
    const end = runUntilEnd(running, new Promise<void>((resolve) => (tell = resolve)));
    await new Promise(setImmediate);
    tell();
    expect(await end).toBeNull();
    expect(running.stop).toHaveBeenCalledOnce();
  });

  it('ends at once when it is told to stop while its start hangs', async () => {
    const manager = managerOf(never);
    expect(await runUntilEnd(manager, Promise.resolve())).toBeNull();
    expect(manager.stop).not.toHaveBeenCalled();
  });

  it('ends with the reason when it fails, while its start hangs too', async () => {
    expect(await runUntilEnd(managerOf(never, Promise.resolve('halted')), never)).toBe('halted');
    const running = managerOf(Promise.resolve(), new Promise((resolve) => setImmediate(resolve, 'halted')));
    expect(await runUntilEnd(running, never)).toBe('halted');
    expect(running.stop).not.toHaveBeenCalled();
  });

  it('throws what its start throws', async () => {
    const manager = managerOf(Promise.reject(new Error('the port is taken')));
    await expect(runUntilEnd(manager, never)).rejects.toThrow('the port is taken');
  });
});
