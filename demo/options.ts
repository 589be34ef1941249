/** The demo's command line. */
import { failoverSteps } from '../src/ha/index.js';

export interface DemoOptions {
  /** End by itself after one failover. */
  readonly isOnce: boolean;
  /** The last line is one JSON object. */
  readonly isJson: boolean;
  /** The committed step after which the leading manager dies too; null: it lives. */
  readonly killAt: string | null;
}

export const usage = `usage: npm run demo -- [--once] [--json] [--kill-leader [--kill-at STEP]]

  --once         end after one failover (exit code 0 when a new primary took over and nothing was lost)
  --json         print the result as one JSON object on the last line
  --kill-leader  kill the leading manager too, right after a committed step of the failover, drawn at random
  --kill-at STEP which step: ${failoverSteps.join(', ')}
`;

/** Throws an Error whose message is for the person who typed it. */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  let isOnce = false;
  let isJson = false;
  let isKillingLeader = false;
  let killAt: string | null = null;
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index];
    if (arg === '--once') isOnce = true;
    else if (arg === '--json') isJson = true;
    else if (arg === '--kill-leader') isKillingLeader = true;
    else if (arg === '--kill-at') {
      index += 1;
      killAt = args[index] ?? '';
    } else throw new Error(`unknown option ${arg ?? ''}\n\n${usage}`);
  }
  if (killAt !== null && !failoverSteps.some((step) => step === killAt)) {
    throw new Error(`--kill-at ${killAt}: not a step of a failover\n\n${usage}`);
  }
  if (isKillingLeader) killAt ??= failoverSteps[Math.floor(Math.random() * failoverSteps.length)] ?? 'freeze';
  else if (killAt !== null) throw new Error(`--kill-at goes with --kill-leader\n\n${usage}`);
  return { isOnce, isJson, killAt };
}
