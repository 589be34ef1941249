import { defineConfig } from 'vitest/config';

/** Forked processes: what a test starts is tied to the life of the process that started it. */
const common = { pool: 'forks', environment: 'node', restoreMocks: true } as const;

/** Canaries are planted into the same code that the scenarios play. */
const scenarios = ['test/scenarios/**/*.test.ts', 'test/sim/canaries/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common, name: 'unit', include: ['src/**/*.test.ts', 'test/bench/**/*.test.ts'], testTimeout: 15_000,
        },
      },
      { test: { ...common, name: 'scenarios', include: scenarios, testTimeout: 30_000 } },
      { test: { ...common, name: 'world', include: ['test/world/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { ...common, name: 'sim', include: ['test/sim/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000 } },
      {
        test: {
          ...common, name: 'canaries', include: ['test/sim/canaries/found/*.test.ts'], sequence: { groupOrder: 2 },
          testTimeout: 300_000,
        },
      },
      { test: { ...common, name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { ...common, name: 'tidy', include: ['test/tidy/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          ...common,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          // Real servers share two cores with the managers: one file at a time, and after everything else.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
