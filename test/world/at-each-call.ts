/**
 * One run per port call of the leader: the first run counts the calls of an undisturbed operation, then the world is
 * made anew for each of them, and something happens just there. What a test says of one run holds for all of them.
 */
import { problemsOf } from './final-checks.js';
import type { Expected } from './final-checks.js';
import type { CallFault, Side } from './port-calls.js';
import { World } from './world.js';
import type { WorldOptions } from './world.js';

export interface Enumerated {
  readonly kind: 'failover' | 'switchover';
  readonly options?: WorldOptions;
  /** Made for each run, in its world. */
  readonly fault: (world: World) => CallFault;
  readonly sides?: readonly Side[];
  /** Every n-th call only: for faults at which neighbouring calls tell the same. */
  readonly stride?: number;
  /** After the operation has ended. */
  readonly afterwards?: (world: World) => Promise<void>;
  readonly withinMs?: number;
  readonly expected: (world: World) => Expected;
}

export interface Summary {
  readonly runs: number;
  /** `failover:done`, `switchover:rolled-back,failover:done`, ...: how often the operations ended so. */
  readonly ends: Readonly<Record<string, number>>;
  /** Empty, or all that went wrong, with the trace of the first. */
  readonly problems: string;
}

export const leaderId = 'm1';

/** Kills the primary, or asks for a switchover. */
export function begin(world: World, kind: Enumerated['kind']): void {
  if (kind === 'failover') world.crash('db1');
  else world.requestSwitchover('db2');
}

export async function runOnce(
  enumerated: Pick<Enumerated, 'kind' | 'options' | 'withinMs' | 'afterwards'>,
  arm: (world: World) => void,
): Promise<World> {
  const world = new World(enumerated.options);
  await world.warmUp();
  arm(world);
  begin(world, enumerated.kind);
  await world.untilEnded(enumerated.withinMs);
  await enumerated.afterwards?.(world);
  return world;
}

export async function atEachCall(enumerated: Enumerated): Promise<Summary> {
  const { kind, options, sides = ['before', 'after'], stride = 1, fault } = enumerated;
  const counted = await runOnce({ kind, ...(options && { options }) }, (world) => {
    world.manager(leaderId).calls.arm(null);
  });
  const { labels } = counted.manager(leaderId).calls;
  const ends: Record<string, number> = {};
  const wrong: string[] = [];
  let firstTrace = '';
  let runs = 0;
  for (let callIndex = 0; callIndex < labels.length; callIndex += stride) {
    for (const side of sides) {
      const world = await runOnce(enumerated, (made) => {
        made.manager(leaderId).calls.arm({ callIndex, side, fault: fault(made) });
      });
      runs += 1;
      const end = endOf(world);
      ends[end] = (ends[end] ?? 0) + 1;
      const problems = problemsOf(world, enumerated.expected(world));
      if (problems === '') continue;
      wrong.push(`${side} call ${callIndex} (${labels[callIndex]}): ${problems.split('\n---')[0]}`);
      firstTrace ||= problems;
    }
  }
  return { runs, ends, problems: [...wrong, firstTrace].join('\n') };
}

function endOf(world: World): string {
  const { history, operation } = world.cluster;
  const all = operation === null ? history : [...history, operation];
  return all.map(({ kind, phase }) => `${kind}:${phase}`).join(',') || 'nothing';
}
