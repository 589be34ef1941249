/** Sums up what seeds did, for people and as one JSON object. */
import { faultKinds } from './plan.js';
import type { FaultKind } from './fault-shapes.js';
import type { Outcome } from './simulation.js';

const summed = ['operations', 'failovers', 'blocked', 'leaderChanges', 'steps', 'simulatedMs', 'snapshots'] as const;

export class Report {
  seeds = 0;
  violations = 0;
  readonly #startedAtMs = Date.now();
  readonly #sums = {
    operations: 0, failovers: 0, blocked: 0, leaderChanges: 0, steps: 0, simulatedMs: 0, snapshots: 0,
  };
  readonly #seedsWith = new Map<FaultKind, number>();

  add(outcome: Outcome): void {
    this.seeds += 1;
    if (outcome.violations.length > 0) this.violations += 1;
    for (const key of summed) this.#sums[key] += outcome[key];
    for (const kind of Object.keys(outcome.happened) as FaultKind[]) {
      this.#seedsWith.set(kind, (this.#seedsWith.get(kind) ?? 0) + 1);
    }
  }

  toJson(): Record<string, unknown> {
    const { seeds, violations } = this;
    const { simulatedMs, ...sums } = this.#sums;
    return {
      seeds,
      violations,
      ...sums,
      simulatedSeconds: Math.round(simulatedMs / 1000),
      wallSeconds: Math.round((Date.now() - this.#startedAtMs) / 100) / 10,
      faults: Object.fromEntries(faultKinds.map((kind) => [kind, this.#share(kind)])),
    };
  }

  toText(): string {
    const { simulatedMs, ...sums } = this.#sums;
    const perSeed = (sum: number): string => (sum / Math.max(1, this.seeds)).toFixed(2);
    const wallS = ((Date.now() - this.#startedAtMs) / 1000).toFixed(1);
    const lines = [
      `${this.seeds} seeds, ${this.violations} with a violation, ${wallS} s`,
      `per seed: ${perSeed(simulatedMs / 1000)} simulated seconds, ` +
        Object.entries(sums).map(([name, sum]) => `${perSeed(sum)} ${name}`).join(', '),
      'share of seeds in which each fault happened:',
      ...faultKinds.map((kind) => `  ${kind.padEnd(16)} ${(this.#share(kind) * 100).toFixed(1).padStart(5)} %`),
    ];
    return lines.join('\n');
  }

  #share(kind: FaultKind): number {
    return Math.round(((this.#seedsWith.get(kind) ?? 0) / Math.max(1, this.seeds)) * 1000) / 1000;
  }
}
