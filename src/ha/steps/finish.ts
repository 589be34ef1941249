/** The last step: the report. What was saved from where, what is lost or unknown, and the time each phase took. */
import type { Operation } from '../state.js';
import type { RePointResult } from './re-point.js';
import type { SurveyResult } from './survey.js';
import { finished, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const finish: Step = {
  name: 'finish',
  run(context: StepContext): Promise<StepOutcome> {
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
    return Promise.resolve(finished(summary, report));
  },
};

/** Milliseconds of cluster time per step, repetitions added up. */
export function phasesMs(operation: Operation): Readonly<Record<string, number>> {
  const phases: Record<string, number> = {};
  for (const entry of operation.journal) {
    if (entry.finishedAtMs === null) continue;
    phases[entry.step] = (phases[entry.step] ?? 0) + (entry.finishedAtMs - entry.startedAtMs);
  }
  return phases;
}
