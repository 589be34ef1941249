/**
 * Deadlines that do not blame the server for this process's own pause. After a stall of the event loop the timers run
 * before the sockets are read, so an answer that has long arrived would count as silence. Here an expired timer first
 * lets the sockets be read once.
 */
import { performance } from 'node:perf_hooks';

export interface Timeout {
  cancel(): void;
}

export const nowMs = (): number => performance.now();

export function after(ms: number, callback: () => void): Timeout {
  let isOff = false;
  // setImmediate runs right after the poll phase, in which sockets are read. The second one is for an answer whose
  // last bytes were only handed over in that phase.
  const timer = setTimeout(
    () => setImmediate(() => setImmediate(() => {
      if (!isOff) callback();
    })),
    Math.max(0, ms),
  );
  return {
    cancel() {
      isOff = true;
      clearTimeout(timer);
    },
  };
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
