/** Makes a failing plan smaller: leaves faults out as long as it still fails. */
import type { Plan } from './plan.js';

/** `fails` is asked at most `triesMax` times. */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>, triesMax = 60): Promise<Plan> {
  let smallest = plan;
  let tries = 0;
  // Halves first, then quarters, at last one by one (delta debugging: Zeller, 2002).
  for (let part = Math.ceil(plan.faults.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let from = 0; from < smallest.faults.length && tries < triesMax;) {
      const faults = smallest.faults.filter((_, at) => at < from || at >= from + part);
      const candidate = { ...smallest, faults };
      tries += 1;
      if (await fails(candidate)) smallest = candidate;
      else from += part;
    }
  }
  return smallest;
}
