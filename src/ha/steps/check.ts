/**
 * Switchover, step 1: everything must be healthy, and the candidate nearly level, before anybody's writes are paused.
 * Commits the target and how every server was: what a rollback restores.
 */
import type { ServerFacts, ServerName } from '../../base/index.js';
import { awayFrom, membersOf } from '../members.js';
import { lookAtAll, planSwitchover } from '../switchover-plan.js';
import { timing } from '../timing.js';
import { finished, formerServersNow } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const check: Step = {
  name: 'check',
  async run(context: StepContext): Promise<StepOutcome> {
    const operation = context.operation();
    const looks = await lookAtAll(context.ports, context.spec, timing.openMs);
    const verdict = await context.judge();
    const plan = planSwitchover({
      spec: context.spec,
      primary: operation.oldPrimary,
      away: awayFrom(context.cluster(), context.table),
      requestedTarget: operation.requestedTarget,
      runningOperation: null,
      verdict,
      looks,
    });
    if (plan.target === null || plan.refusals.length > 0) {
      return { kind: 'roll-back', reason: plan.refusals.join('; ') };
    }
    const primaryFacts = looks.get(operation.oldPrimary);
    const candidate = await context.session(plan.target);
    const isLevel = primaryFacts?.kind === 'facts'
      && (await candidate.waitExecuted(primaryFacts.facts.executed, context.spec.switchover.maxPauseMs));
    if (!isLevel) {
      return { kind: 'roll-back', reason: `${plan.target} lags too far behind to take over within the write pause` };
    }
    const seen: Record<string, ServerFacts> = {};
    for (const [name, look] of looks) {
      if (look.kind === 'facts') seen[name] = look.facts;
    }
    const target: ServerName = plan.target;
    const former = formerServersNow(context, seen);
    const members = membersOf(context.cluster(), context.table);
    return finished(`${target} takes over from ${operation.oldPrimary}`, { target, members, former }, target);
  },
};
