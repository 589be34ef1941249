/**
 * Chaos from the command line, until the first failure: `node --import tsx test/scenarios/raft/chaos-main.ts SEEDS
 * [FIRST] [SIZE ...]`. Prints one line of JSON; ends with 1 when a rule was broken.
 */
import { errorMessage } from '../../../src/base/index.js';
import { runChaos } from './chaos.js';

const [seeds = 200, first = 1, ...sizes] = process.argv.slice(2).map(Number);
const steps = 4000;

interface Failure {
  readonly seed: number;
  readonly size: number;
  readonly changes: boolean;
  readonly why: string;
}

/** Odd seeds without changes of the managers, even ones with them; sizes in turn. */
function firstFailure(): Failure | null {
  const among = sizes.length === 0 ? [3, 5, 3, 1] : sizes;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const size = among[Math.floor(seed / 2) % among.length] ?? 3;
    const changes = seed % 2 === 0;
    try {
      runChaos({ seed, size, steps, changes }).heal();
    } catch (thrown) {
      return { seed, size, changes, why: errorMessage(thrown) };
    }
  }
  return null;
}

const failure = firstFailure();
process.stdout.write(`${JSON.stringify(failure ?? { kept: seeds })}\n`);
process.exitCode = failure === null ? 0 : 1;
