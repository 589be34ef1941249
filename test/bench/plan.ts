/** How much is measured: by default about four minutes on two idle cores, with --quick well under one. */

export interface BenchPlan {
  /** Both systems in turn, so many times each. */
  readonly runs: number;
  readonly inFlights: readonly number[];
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly kills: number;
  readonly entries: number;
  readonly diskSamples: number;
}

export const fullPlan: BenchPlan = {
  runs: 5, inFlights: [1, 16, 64], warmUpMs: 200, measureMs: 1000, kills: 20, entries: 100_000, diskSamples: 200,
};
export const quickPlan: BenchPlan = {
  runs: 3, inFlights: [1, 16, 64], warmUpMs: 100, measureMs: 250, kills: 2, entries: 5_000, diskSamples: 50,
};

/** Of each value; with its key and what stands around them an entry of both systems is below 256 bytes. */
export const valueBytes = 200;
