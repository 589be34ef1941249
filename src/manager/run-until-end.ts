/**
 * The life of a manager's process: start, run, end. Being told to stop counts during the start too: a start may hang (a
 * disk that does not answer), and a supervisor that has to kill it with SIGKILL learns nothing from that.
 */
import type { Manager } from './manager.js';

/** Returns null when it was told to stop, else why it must not go on. Throws what the start throws. */
export async function runUntilEnd(manager: Manager, stopped: Promise<unknown>): Promise<string | null> {
  const told = stopped.then(() => null);
  const begun = await Promise.race([manager.start().then(() => 'running' as const), told, failureOf(manager)]);
  // Half a start is not taken apart: the process may end at any moment, and nobody counts on this manager yet.
  if (begun === null) return null;
  if (begun !== 'running') return begun.failure;
  const end = await Promise.race([told, failureOf(manager)]);
  if (end !== null) return end.failure;
  await manager.stop();
  return null;
}

const failureOf = ({ failed }: Manager): Promise<{ readonly failure: string }> =>
  failed.then((failure) => ({ failure }));
