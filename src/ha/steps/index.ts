/** The steps of each kind of operation, by name. The order is in state.ts, where the reducer keeps it. */
import type { OperationKind, StepName } from '../state.js';
import { catchUp } from './catch-up.js';
import { check } from './check.js';
import { choose } from './choose.js';
import { confirm } from './confirm.js';
import { fence } from './fence.js';
import { finish } from './finish.js';
import { freeze } from './freeze.js';
import { pauseWrites } from './pause-writes.js';
import { promote } from './promote.js';
import { publish } from './publish.js';
import { rePoint } from './re-point.js';
import type { Step } from './step.js';
import { survey } from './survey.js';
import { switchoverCatchUp } from './switchover-catch-up.js';
import { switchoverPromote } from './switchover-promote.js';

const failover = [confirm, fence, freeze, survey, choose, catchUp, promote, publish, rePoint, finish];
const switchover = [check, pauseWrites, switchoverCatchUp, switchoverPromote, publish, rePoint, finish];

const tables: Readonly<Record<OperationKind, ReadonlyMap<StepName, Step>>> = {
  failover: new Map(failover.map((step) => [step.name, step])),
  switchover: new Map(switchover.map((step) => [step.name, step])),
};

export function stepOf(kind: OperationKind, name: StepName): Step {
  const step = tables[kind].get(name);
  if (step === undefined) throw new RangeError(`${kind} has no step ${name}`);
  return step;
}

export { phasesMs } from './finish.js';
export type { JudgedVerdict, StepContext, StepOutcome } from './step.js';
