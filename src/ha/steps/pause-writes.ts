/**
 * Switchover, step 2: from here on the clock of the write pause runs. Read-only first, so that what is committing ends
 * with its answer and what comes later gets an error; clients that hold it up are disconnected; then nothing more can
 * commit, and the position stands still. Whatever goes wrong here rolls back.
 */
import { ActionError } from '../../base/index.js';
import type { ActionSession } from '../ports.js';
import { finished } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export interface PauseResult {
  /** gtid_executed of the old primary, which cannot grow any more. */
  readonly executed: string;
  readonly startedAtS: number;
}

/** How long running commits get before their clients are disconnected. */
const gentleCloseMs = 1000;

export const pauseWrites: Step = {
  name: 'pause-writes',
  async run(context: StepContext): Promise<StepOutcome> {
    const { clock } = context.ports;
    context.deadlineMs ??= clock.nowMs() + context.spec.switchover.maxPauseMs;
    const old = context.operation().oldPrimary;
    try {
      const session = await context.session(old);
      await session.recordEpoch();
      await closeGently(session, context);
      const clientsLeft = await session.killClients();
      if (clientsLeft > 0) return { kind: 'roll-back', reason: `${clientsLeft} client sessions of ${old} do not end` };
      const first = await session.look();
      const second = await session.look();
      if (!second.superReadOnly || first.executed !== second.executed) {
        return { kind: 'roll-back', reason: `${old} still commits although it is read-only` };
      }
      return finished(`${old} is read-only`, { executed: second.executed, startedAtS: second.startedAtS });
    } catch (thrown) {
      if (!(thrown instanceof ActionError)) throw thrown;
      return { kind: 'roll-back', reason: `${old} could not be closed for writes: ${thrown.message}` };
    }
  },
};

async function closeGently(session: ActionSession, context: StepContext): Promise<void> {
  try {
    await session.closeForWrites(Math.min(gentleCloseMs, remainingMs(context)));
  } catch (thrown) {
    if (!(thrown instanceof ActionError) || thrown.failure !== 'rejected') throw thrown;
    // Something holds it up: a long transaction, LOCK TABLES. Not offline_mode: it would cut off the replicas too, and
    // the target has the last transactions still to fetch.
    await session.killClients();
    await session.closeForWrites(remainingMs(context));
  }
}

export function remainingMs(context: StepContext): number {
  return Math.max(1, (context.deadlineMs ?? 0) - context.ports.clock.nowMs());
}
