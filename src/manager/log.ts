/**
 * The manager's log: JSON lines on standard output, written at once, so that the last words before a SIGKILL are
 * there.
 */
import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger };

export function createLogger(level: string, manager: string): Logger {
  return pino(
    { level, base: { manager }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  );
}
