/**
 * Waiting with an end. Timers come in as an argument (`globalThis` in a running manager), because this folder and the
 * simulator know no clock of their own.
 */
export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: never): void;
}

export class DeadlineExpired extends Error {
  readonly afterMs: number;

  constructor(what: string, afterMs: number) {
    super(`${what}: no answer within ${afterMs} ms`);
    this.name = 'DeadlineExpired';
    this.afterMs = afterMs;
  }
}

/**
 * The result of `work`, or `DeadlineExpired` after `ms`. The work itself goes on: `onExpire` must end what it holds
 * (destroy the socket, say), and its late result or error is dropped.
 */
export function withDeadline<T>(
  timers: Timers,
  ms: number,
  what: string,
  work: Promise<T>,
  onExpire?: () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const handle = timers.setTimeout(() => {
      reject(new DeadlineExpired(what, ms));
      onExpire?.();
    }, ms);
    work.then(
      (value) => {
        timers.clearTimeout(handle as never);
        resolve(value);
      },
      (thrown: unknown) => {
        timers.clearTimeout(handle as never);
        reject(thrown as Error);
      },
    );
  });
}
