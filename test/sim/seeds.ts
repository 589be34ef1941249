/** Plans that failed once: run again by every check. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { drawPlan } from './plan.js';
import type { Plan } from './plan.js';

export interface RememberedPlan {
  /** What was violated. */
  readonly why: string;
  readonly plan: Plan;
}

const file = new URL('seeds.json', import.meta.url);

export function rememberedPlans(): readonly RememberedPlan[] {
  if (!existsSync(file)) return [];
  const stored = JSON.parse(readFileSync(file, 'utf8')) as RememberedPlan[];
  // What a plan of an earlier day does not say is drawn from its seed.
  return stored.map(({ why, plan }) => ({ why, plan: { ...drawPlan(plan.seed), ...plan } }));
}

/** Its number in the file; `at`: in the place of this one. */
export function remember(plan: Plan, why: string, at = rememberedPlans().length): number {
  const known = [...rememberedPlans()];
  known[at] = { why, plan };
  writeFileSync(file, `${JSON.stringify(known, null, 1)}\n`);
  return at;
}
