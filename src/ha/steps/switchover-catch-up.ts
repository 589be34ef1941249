/** Switchover, step 3: the target executes the old primary's last transaction, within the write pause. */
import type { ServerName } from '../../base/index.js';
import { remainingMs } from './pause-writes.js';
import type { PauseResult } from './pause-writes.js';
import { finished, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const switchoverCatchUp: Step = {
  name: 'catch-up',
  async run(context: StepContext): Promise<StepOutcome> {
    const operation = context.operation();
    const target = operation.newPrimary as ServerName;
    const pause = resultOf<PauseResult>(operation, 'pause-writes');
    if (pause === null) return { kind: 'roll-back', reason: 'the write pause left no record' };
    const session = await context.session(target);
    if (await session.waitExecuted(pause.executed, remainingMs(context))) {
      return finished(`${target} has executed everything`, { executed: pause.executed });
    }
    return { kind: 'roll-back', reason: `${target} did not catch up within the write pause` };
  },
};
