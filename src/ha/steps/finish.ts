/** The last step: the report. What was saved from where, what is lost or unknown, and the time each phase took. */
import { ActionError } from '../../base/index.js';
import type { Operation } from '../state.js';
import type { ActionSession } from '../ports.js';
import { isSameStart, openNewPrimary } from './promote.js';
import type { PromoteResult } from './promote.js';
import type { RePointResult } from './re-point.js';
import type { SurveyResult } from './survey.js';
import { finished, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const finish: Step = {
  name: 'finish',
  async run(context: StepContext): Promise<StepOutcome> {
    const reopened = await openAgain(context);
    const operation = context.operation();
    const survey = resultOf<SurveyResult>(operation, 'survey');
    const leftOut = resultOf<RePointResult>(operation, 're-point')?.leftOut ?? {};
    const report = {
      durability: context.spec.durability,
      knownLost: survey?.knownLost ?? '',
      unknownAfter: survey?.unknownAfter ?? null,
      leftOut,
      phasesMs: phasesMs(operation),
    };
    const { kind, cluster, oldPrimary, newPrimary } = operation;
    const summary = `${kind} of ${cluster}: ${oldPrimary} -> ${newPrimary ?? ''}`;
    return finished(summary + reopened, report);
  },
};

/**
 * A new primary that restarted since its promotion came up closed. Only that is mended: one that a person closed, or
 * made a replica, is the person's. One that does not answer is the next failover's business, which can only begin when
 * this operation has ended.
 */
async function openAgain(context: StepContext): Promise<string> {
  const { newPrimary } = context.operation();
  if (newPrimary === null) return '';
  let session: ActionSession;
  try {
    session = await context.session(newPrimary);
  } catch (thrown) {
    if (!(thrown instanceof ActionError) || thrown.failure !== 'unreachable') throw thrown;
    return `; ${newPrimary} does not answer: ${thrown.message}`;
  }
  const facts = await session.look();
  if (!facts.readOnly && !facts.superReadOnly) return '';
  const promoted = resultOf<PromoteResult>(context.operation(), 'promote');
  if (facts.replica !== null) return `; ${newPrimary} was made a replica by somebody else, and is left so`;
  if (isSameStart(facts.startedAtS, promoted?.startedAtS ?? null)) {
    return `; ${newPrimary} was closed by somebody else, and is left so`;
  }
  await openNewPrimary(context);
  return `; ${newPrimary} had restarted, and was opened again`;
}

/** Milliseconds of cluster time per step, repetitions added up. */
export function phasesMs(operation: Operation): Readonly<Record<string, number>> {
  const phases: Record<string, number> = {};
  for (const entry of operation.journal) {
    if (entry.finishedAtMs === null) continue;
    phases[entry.step] = (phases[entry.step] ?? 0) + (entry.finishedAtMs - entry.startedAtMs);
  }
  return phases;
}
