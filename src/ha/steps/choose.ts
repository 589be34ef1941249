/** Failover, step 5: who becomes primary, with a reason for each server. The choice itself is candidate.ts; pure. */
import { gtidSet } from '../../base/index.js';
import type { ServerName } from '../../base/index.js';
import { choosePrimary } from '../candidate.js';
import type { SurveyResult } from './survey.js';
import { finished, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const choose: Step = {
  name: 'choose',
  run(context: StepContext): Promise<StepOutcome> {
    const operation = context.operation();
    const survey = resultOf<SurveyResult>(operation, 'survey');
    if (survey === null) return Promise.resolve({ kind: 'rewind', to: 'survey', reason: 'there is no survey' });
    const choice = choosePrimary({
      spec: context.spec,
      oldPrimary: operation.oldPrimary,
      requestedTarget: operation.requestedTarget,
      surveyed: Object.fromEntries(
        Object.entries(survey.servers)
          .filter(([name]) => name !== operation.oldPrimary)
          .map(([name, server]) => [
            name,
            { facts: server.facts, has: gtidSet(server.has), errant: gtidSet(server.errant) },
          ]),
      ),
      reachableTransactions: gtidSet(survey.target),
    });
    if (choice.chosen === null) {
      const reasons = Object.entries(choice.reasons).map(([name, reason]) => `${name}: ${reason}`);
      return Promise.resolve({ kind: 'blocked', reason: `nobody can become primary (${reasons.join('; ')})` });
    }
    const chosen: ServerName = choice.chosen;
    const why = choice.reasons[chosen] ?? '';
    return Promise.resolve(finished(`${chosen}: ${why}`, { chosen, reasons: choice.reasons }, chosen));
  },
};
