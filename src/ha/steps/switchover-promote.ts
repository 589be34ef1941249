/** Switchover, step 4: as in a failover, after a last look of its own at a primary that lives. */
import { gtidSet } from '../../base/index.js';
import type { ServerName } from '../../base/index.js';
import type { PauseResult } from './pause-writes.js';
import { isSameStart, openNewPrimary } from './promote.js';
import { resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const switchoverPromote: Step = { name: 'promote', run: openNewPrimary, lastLook };

async function lastLook(context: StepContext): Promise<StepOutcome | null> {
  const operation = context.operation();
  const pause = resultOf<PauseResult>(operation, 'pause-writes');
  const target = operation.newPrimary as ServerName;
  const [old, chosen] = await Promise.all([
    context.session(operation.oldPrimary).then((session) => session.look()),
    context.session(target).then((session) => session.look()),
  ]);
  if (pause === null || !old.superReadOnly || !isSameStart(old.startedAtS, pause.startedAtS)) {
    return { kind: 'roll-back', reason: `${operation.oldPrimary} is not read-only any more` };
  }
  if (!gtidSet(old.executed).isSubsetOf(gtidSet(chosen.executed))) {
    return { kind: 'roll-back', reason: `${target} lacks transactions of ${operation.oldPrimary}` };
  }
  if (context.deadlineMs !== null && context.ports.clock.nowMs() > context.deadlineMs) {
    return { kind: 'roll-back', reason: `the write pause of ${context.spec.switchover.maxPauseMs} ms is used up` };
  }
  return null;
}
