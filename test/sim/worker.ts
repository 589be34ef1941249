/** A process that runs plans, one after the other, for the runner. */
import { Simulation } from './simulation.js';
import type { Outcome } from './simulation.js';
import type { Plan } from './plan.js';

export interface Job {
  readonly plan: Plan;
  /** How many lines of the trace to send back; 0: none. */
  readonly traceLines: number;
}

export interface JobResult {
  readonly outcome: Outcome;
  readonly trace: string;
}

process.on('message', (job: Job) => {
  void run(job).then((result) => process.send?.(result));
});

async function run({ plan, traceLines }: Job): Promise<JobResult> {
  const simulation = new Simulation(plan);
  const outcome = await simulation.run();
  return { outcome, trace: traceLines > 0 ? simulation.env.trace.text(traceLines) : '' };
}
