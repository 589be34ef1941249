/** Planted bugs: each breaks one rule on purpose, and the simulator must find it. */
import type { Patch } from './build.js';

export interface Canary extends Patch {
  /** The rule that it breaks. */
  readonly breaks: string;
}

export const canaries: readonly Canary[] = [];
