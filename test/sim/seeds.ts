/** Plans that failed once: run again by every check. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Plan } from './plan.js';

export interface RememberedPlan {
  /** What was violated. */
  readonly why: string;
  readonly plan: Plan;
}

const file = new URL('seeds.json', import.meta.url);

export function rememberedPlans(): readonly RememberedPlan[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RememberedPlan[]) : [];
}

export function remember(plan: Plan, why: string): void {
  const known = rememberedPlans();
  if (known.some((one) => one.plan.seed === plan.seed)) return;
  writeFileSync(file, `${JSON.stringify([...known, { why, plan }], null, 1)}\n`);
}
