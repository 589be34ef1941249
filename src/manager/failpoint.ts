/**
 * Dying on purpose at a named moment, for the demo and the tests: HACTL_FAILPOINT="failover:freeze" ends this
 * process with SIGKILL the instant it has committed that step of such an operation. Without the variable nothing here
 * does anything.
 */
import type { HaEvent } from '../ha/index.js';

export interface Failpoint {
  /** Called with every event of an operation, right after it is committed. */
  passed(event: HaEvent): void;
}

export function createFailpoint(
  setting: string | undefined,
  killSelf: () => void,
): Failpoint {
  if (setting === undefined || setting === '') return { passed: () => undefined };
  const [operationKind, step] = setting.split(':');
  return {
    passed: ({ kind, facts }) => {
      if (kind === 'step-finished' && facts['operationKind'] === operationKind && facts['step'] === step) killSelf();
    },
  };
}
