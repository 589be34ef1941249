/**
 * Failover, step 3: no replica may go on receiving from, or acknowledging, the old primary. What is received is what
 * counts from now on. Start times are noted: a replica that restarts would connect to the old primary again by itself.
 */
import type { ServerName } from '../../base/index.js';
import type { FenceResult } from './fence.js';
import { failuresAsText, listed, onEach } from './each.js';
import { finished, participants, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export interface FreezeResult {
  /** Server -> its start time in seconds of its own clock. */
  readonly frozen: Readonly<Record<string, number>>;
  readonly notFrozen: Readonly<Record<string, string>>;
}

export const freeze: Step = {
  name: 'freeze',
  async run(context: StepContext): Promise<StepOutcome> {
    const replicas = replicasOf(context);
    const { succeeded, failed } = await onEach(replicas, (server) => freezeReplica(context, server));
    const result: FreezeResult = { frozen: Object.fromEntries(succeeded), notFrozen: failuresAsText(failed) };
    const shortage = tooFewFrozen(context, succeeded.size);
    if (shortage !== null) {
      const why = Object.values(result.notFrozen).join('; ');
      return { kind: 'blocked', reason: why === '' ? shortage : `${shortage} (${why})` };
    }
    const missing = failed.size === 0 ? '' : `; not reached: ${listed(failed.keys())}`;
    return finished(`receivers stopped on ${listed(succeeded.keys())}${missing}`, { ...result });
  },
};

function replicasOf(context: StepContext): readonly ServerName[] {
  const old = context.operation().oldPrimary;
  return participants(context).filter((name) => name !== old);
}

/**
 * Without a positive fence half of the replicas, rounded up, must be frozen: with fewer, the old primary may still have
 * most of the cluster behind it.
 */
export function tooFewFrozen(context: StepContext, frozenCount: number): string | null {
  const replicas = replicasOf(context).length;
  const isFenced = resultOf<FenceResult>(context.operation(), 'fence')?.isPositive ?? false;
  const needed = isFenced ? 1 : Math.max(1, Math.ceil(replicas / 2));
  if (frozenCount >= needed) return null;
  return `only ${frozenCount} of ${replicas} replicas can be reached, ${needed} are needed`;
}

async function freezeReplica(context: StepContext, server: ServerName): Promise<number> {
  const session = await context.session(server);
  await session.setAcknowledging(false);
  await session.stopReceiver();
  const facts = await session.look();
  return facts.startedAtS;
}
