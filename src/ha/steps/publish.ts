/**
 * The new primary gets its name. Waits until no manager can still be naming the old one, then commits PrimaryChanged:
 * that entry is what the health endpoints follow.
 */
import type { ServerName } from '../../base/index.js';
import { proposeOn } from '../propose.js';
import { finished } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const publish: Step = {
  name: 'publish',
  async run(context: StepContext): Promise<StepOutcome> {
    const operation = context.operation();
    const primary = operation.newPrimary as ServerName;
    const hiddenSince = context.cluster().hiddenSinceIndex;
    if (hiddenSince !== null) await context.ports.endpoints.quietSince(hiddenSince);
    if (context.cluster().primary !== primary) {
      await proposeOn(context.ports, operation, { kind: 'primary-changed', primary });
    }
    return finished(`${primary} is the primary`, { primary });
  },
};
