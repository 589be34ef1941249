/** Runs many plans on worker processes until they are done, one fails, or the time is up. */
import type { Plan } from './plan.js';
import type { Report } from './report.js';
import type { JobResult } from './worker.js';
import type { Workers } from './workers.js';

export interface Failure {
  readonly plan: Plan;
  readonly violations: readonly string[];
}

export interface RunOptions {
  readonly workers: Workers;
  /** The next plan; null: no more. */
  readonly next: () => Plan | null;
  readonly report: Report;
  readonly failuresMax: number;
  readonly onFailure?: (failure: Failure) => void;
}

/** All failures found, at most `failuresMax` and as many more as were under way. */
export async function runAll(options: RunOptions): Promise<readonly Failure[]> {
  const { workers, next, report, failuresMax } = options;
  const failures: Failure[] = [];
  const work = async (): Promise<void> => {
    while (failures.length < failuresMax) {
      const plan = next();
      if (plan === null) return;
      const { outcome } = await runPlan(workers, plan);
      report.add(outcome);
      if (outcome.violations.length === 0) continue;
      const failure = { plan, violations: outcome.violations };
      failures.push(failure);
      options.onFailure?.(failure);
    }
  };
  await Promise.all(Array.from({ length: workers.size }, work));
  return failures;
}

export function runPlan(workers: Workers, plan: Plan, traceLines = 0): Promise<JobResult> {
  return workers.run({ plan, traceLines });
}
