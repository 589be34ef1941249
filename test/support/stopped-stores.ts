/**
 * The stores of stopped managers, read with `hactl debug`: each is sound, holds no other vote than its manager's log
 * tells, what is committed is the same in all, and the voters changed one at a time.
 */
import type { LogDump } from '../../src/cli/store-tools.js';
import type { Elections } from './manager-log.js';
import { hactlCli, type ManagerProcess } from './manager-process.js';

export async function dumpOf(manager: ManagerProcess): Promise<LogDump> {
  const { code, stdout, stderr } = await hactlCli(['debug', 'dump-log', manager.dataDir, '--json']);
  if (code !== 0) throw new Error(`the store of ${manager.id} is not sound: ${stdout}${stderr}`);
  return JSON.parse(stdout) as LogDump;
}

/** Sentences; empty when all is well. */
export function storeFaults(dumps: readonly LogDump[], { votesBy }: Elections): readonly string[] {
  const faults: string[] = [];
  const committed = new Map<number, { readonly text: string; readonly manager: string }>();
  for (const { store, entries } of dumps) {
    const manager = store.manager ?? '';
    const told = votesBy.get(manager)?.get(store.term ?? 0) ?? null;
    if (store.verdict.kind !== 'sound') faults.push(`the store of ${manager} is ${store.verdict.kind}`);
    if (store.votedFor !== told) {
      faults.push(`${manager} voted for ${store.votedFor} in term ${store.term}, and its log tells ${told}`);
    }
    for (const { index, term, words } of entries) {
      if (index > (store.commitIndex ?? 0)) break;
      const text = `${term} ${words}`;
      const other = committed.get(index);
      if (other === undefined) committed.set(index, { text, manager });
      else if (other.text !== text) {
        faults.push(`entry ${index}: ${other.manager} has ${other.text}, ${manager} ${text}`);
      }
    }
    faults.push(...jumpsIn(entries).map((jump) => `${manager}, ${jump}`));
  }
  return faults;
}

/** Two majorities of neighbours share a voter only if one voter comes or goes at a time. */
function jumpsIn(entries: LogDump['entries']): readonly string[] {
  const jumps: string[] = [];
  let before: readonly string[] | null = null;
  for (const { index, kind, content } of entries) {
    if (kind !== 'membership') continue;
    const voters = (content as { readonly voters: readonly { readonly id: string }[] }).voters.map(({ id }) => id);
    const differing = before === null ? [] : [
      ...voters.filter((id) => before?.includes(id) === false), ...before.filter((id) => !voters.includes(id)),
    ];
    if (differing.length > 1) jumps.push(`entry ${index} changes ${differing.join(' and ')} at once`);
    before = voters;
  }
  return jumps;
}
