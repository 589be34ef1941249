/** The timers of a simulated process: a paused one gets them when it wakes up, a dead one never. */
import type { Timers } from '../../src/raft/index.js';
import type { EventQueue } from '../world/event-queue.js';
import type { ManagerProcess } from '../world/manager-process.js';

/** What a woken process reads before its immediates run. */
const afterReadsMs = 0.01;

export function processTimers(process: ManagerProcess, queue: EventQueue): Timers {
  const after = (ms: number, run: () => void): (() => void) => {
    let isOver = false;
    queue.after(ms, () => {
      if (!isOver) process.deliver(() => (isOver ? undefined : run()));
    });
    return () => {
      isOver = true;
    };
  };
  return {
    after,
    every: (ms, run) => {
      let isOver = false;
      // As an interval of Node: one call for a whole pause.
      const again = (): void => {
        after(ms, () => {
          if (isOver) return;
          run();
          if (!isOver) again();
        });
      };
      again();
      return () => {
        isOver = true;
      };
    },
    afterReads: (run) => after(afterReadsMs, run),
  };
}
