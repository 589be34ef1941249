/**
 * The point of no return. `lastLook` runs before StepStarted(promote) is committed and can still send the operation
 * back; after the commit there is only forward, to this one server. `read_only = OFF` is the last statement: a
 * promotion that was interrupted anywhere before it left a server that takes no writes.
 */
import { gtidSet } from '../../base/index.js';
import { ActionError } from '../../base/index.js';
import type { ServerName } from '../../base/index.js';
import { timing } from '../timing.js';
import type { FenceResult } from './fence.js';
import { tooFewFrozen } from './freeze.js';
import type { FreezeResult } from './freeze.js';
import type { SurveyResult } from './survey.js';
import { listed, onEach } from './each.js';
import { finished, formerServers, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export interface PromoteResult {
  readonly executed: string;
  readonly cannotWait: boolean;
  readonly startedAtS: number;
}

/** Opens the planned server for writes. The same for failover and switchover. */
export async function openNewPrimary(context: StepContext): Promise<StepOutcome> {
  const operation = context.operation();
  const chosen = operation.newPrimary as ServerName;
  const session = await context.session(chosen);
  const before = await session.look();
  if (before.replica !== null) await session.forgetSource();
  // Open already: an interrupted run got that far, and clients may be writing. It is not closed under them again.
  const isOpen = before.replica === null && !before.readOnly && !before.superReadOnly;
  if (!isOpen) await session.openForUs();
  await session.recordEpoch();
  const former = formerServers(operation);
  const shouldWait = former[operation.oldPrimary]?.waitsForAcks ?? before.semiSync?.sourceEnabled ?? false;
  await session.setWaitingForAcks(shouldWait);
  const ready = await session.look();
  // Without the plugin it cannot wait. There is no way back from here, and writes without are better than none.
  const cannotWait = shouldWait && (ready.semiSync?.sourceEnabled ?? null) === null;
  if (!cannotWait && (ready.semiSync?.sourceEnabled ?? false) !== shouldWait) {
    throw new ActionError('rejected', `${chosen} does not take its semi-sync setting`);
  }
  if (!isOpen) await session.openForWrites();
  const after = await session.look();
  if (after.readOnly || after.superReadOnly) throw new ActionError('rejected', `${chosen} is still read-only`);
  const without = cannotWait ? ' without semi-sync: its source plugin is not loaded' : '';
  return finished(`${chosen} takes writes${without}`, {
    executed: ready.executed,
    cannotWait,
    startedAtS: after.startedAtS,
  });
}

export const promote: Step = { name: 'promote', run: openNewPrimary, lastLook: lastLookBeforeFailover };

async function lastLookBeforeFailover(context: StepContext): Promise<StepOutcome | null> {
  const operation = context.operation();
  const survey = resultOf<SurveyResult>(operation, 'survey');
  const chosen = operation.newPrimary;
  if (survey === null || chosen === null) return { kind: 'rewind', to: 'survey', reason: 'there is no plan' };
  const [old, frozen] = await Promise.all([lookAtOldPrimary(context), lookAtFrozen(context)]);
  if (old !== null) return old;
  if (frozen !== null) return frozen;
  const facts = await (await context.session(chosen)).look();
  if (!gtidSet(survey.target).isSubsetOf(gtidSet(facts.executed))) {
    return { kind: 'rewind', to: 'freeze', reason: `${chosen} has not executed everything that was surveyed` };
  }
  return null;
}

async function lookAtOldPrimary(context: StepContext): Promise<StepOutcome | null> {
  const old = context.operation().oldPrimary;
  const fence = resultOf<FenceResult>(context.operation(), 'fence');
  try {
    const facts = await context.ports.servers.look(
      context.spec,
      context.sessions.serverSpec(old),
      context.spec.detection.probeTimeoutMs,
    );
    const isFenced =
      fence?.isPositive === true && facts.superReadOnly && isSameStart(facts.startedAtS, fence.startedAtS);
    if (isFenced) return null;
    return { kind: 'rewind', to: 'fence', reason: `${old} answers now and is not fenced` };
  } catch (thrown) {
    if (!(thrown instanceof ActionError)) throw thrown;
    if (thrown.failure === 'unreachable') return null;
    // It says no (too many connections, shutting down), or was reached and did not get to the end of the look in time:
    // it may be acknowledging.
    return { kind: 'rewind', to: 'fence', reason: `${old} answers now: ${thrown.message}` };
  }
}

async function lookAtFrozen(context: StepContext): Promise<StepOutcome | null> {
  const frozen = resultOf<FreezeResult>(context.operation(), 'freeze')?.frozen ?? {};
  const names = Object.keys(frozen) as ServerName[];
  const { succeeded, failed } = await onEach(names, async (server) => {
    const facts = await (await context.session(server)).look();
    const isFrozen = facts.replica === null || facts.replica.receiver === 'off';
    return isFrozen && isSameStart(facts.startedAtS, frozen[server] ?? null);
  });
  const thawed = [...succeeded].filter(([, isFrozen]) => !isFrozen).map(([server]) => server);
  if (thawed.length > 0) {
    return { kind: 'rewind', to: 'freeze', reason: `${listed(thawed)} restarted or receives again` };
  }
  const shortage = tooFewFrozen(context, succeeded.size);
  if (shortage === null || failed.size === 0) return null;
  return { kind: 'rewind', to: 'freeze', reason: shortage };
}

export function isSameStart(startedAtS: number, notedS: number | null): boolean {
  return notedS !== null && Math.abs(startedAtS - notedS) <= timing.startedAtToleranceS;
}
