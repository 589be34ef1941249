/**
 * Failover, step 2: keep the old primary from acknowledging anything more, where it can be reached at all. Positive is
 * only what was read back: read-only, and no client session left. Everything else is an attempt.
 */
import { ActionError } from '../../base/index.js';
import type { ServerName } from '../../base/index.js';
import type { ActionSession } from '../ports.js';
import { timing } from '../timing.js';
import { finished } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export interface FenceResult {
  readonly isPositive: boolean;
  readonly means: 'sql' | 'none';
  readonly detail: string;
  /** Start time of the fenced mysqld: another one means that it restarted and is not fenced any more. */
  readonly startedAtS: number | null;
}

export const fence: Step = {
  name: 'fence',
  async run(context: StepContext): Promise<StepOutcome> {
    const old = context.operation().oldPrimary;
    let result: FenceResult;
    try {
      result = await closeTwice(context, old);
    } catch (thrown) {
      if (!(thrown instanceof ActionError)) throw thrown;
      result = { isPositive: false, means: 'none', detail: thrown.message, startedAtS: null };
    }
    if (!result.isPositive && context.spec.fencing.policy === 'required') {
      return { kind: 'blocked', reason: `${old} is not fenced (${result.detail}) and the policy requires it` };
    }
    const summary = result.isPositive
      ? `${old} is read-only and has no client left`
      : `${old} could not be fenced: ${result.detail}`;
    return finished(summary, { ...result });
  },
};

/** A second attempt leaves out what is wished for and not needed, should the first have lost its session over it. */
async function closeTwice(context: StepContext, old: ServerName): Promise<FenceResult> {
  try {
    return await closeOldPrimary(await context.session(old), true);
  } catch (thrown) {
    if (!(thrown instanceof ActionError) || thrown.failure === 'unreachable') throw thrown;
    return closeOldPrimary(await context.session(old), false);
  }
}

/**
 * Closes a server for good, in the order that was tried on 9.7: clients first (super_read_only waits behind commits
 * that hang in a semi-sync wait), then the wait for acknowledgements (which lets those commit, unseen), then read-only.
 */
async function closeOldPrimary(session: ActionSession, isRecording: boolean): Promise<FenceResult> {
  const before = await session.look();
  await session.disconnectClients();
  if (!before.superReadOnly) {
    await session.setWaitingForAcks(false);
    // Stays behind for whoever comes later with an older epoch.
    if (isRecording) await session.recordEpoch();
    await session.closeForWrites(timing.closeMs);
  }
  const clientsLeft = await session.countClients();
  const after = await session.look();
  // Closed to writes from here on; replicas (and readers) must be able to connect again.
  if (after.superReadOnly) await session.setOffline(false);
  const isPositive = after.superReadOnly && clientsLeft === 0;
  return {
    isPositive,
    means: 'sql',
    detail: isPositive ? 'read-only and no client left' : `${clientsLeft} client sessions are still there`,
    startedAtS: after.startedAtS,
  };
}
