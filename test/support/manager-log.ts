/**
 * What managers said in their logs, and what must hold of it over all their lives: nobody votes for two in one term,
 * no term has two leaders. A vote is logged a moment before it is on disk, so a test that kills a manager must not aim
 * at an election.
 */
import type { ManagerProcess } from './manager-process.js';

export interface LogLine {
  readonly event: string;
  readonly [fact: string]: unknown;
}

type Logged = Pick<ManagerProcess, 'id' | 'log'>;

/** The structured lines; words on standard error stand in `ManagerProcess.log()` alone. */
export async function linesOf(manager: Logged): Promise<readonly LogLine[]> {
  const lines = (await manager.log()).split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return lines.map((line) => JSON.parse(line) as LogLine).filter(({ event }) => typeof event === 'string');
}

/** For `linesSince`: how far each log has come. */
export type LogPlaces = ReadonlyMap<ManagerProcess, number>;

export async function placesOf(managers: readonly ManagerProcess[]): Promise<LogPlaces> {
  return new Map(await Promise.all(managers.map(async (manager) => (
    [manager, (await linesOf(manager)).length] as const
  ))));
}

export async function linesSince(places: LogPlaces, manager: ManagerProcess): Promise<readonly LogLine[]> {
  return (await linesOf(manager)).slice(places.get(manager) ?? 0);
}

export interface Elections {
  /** Sentences; empty when all is well. */
  readonly faults: readonly string[];
  readonly votes: number;
  readonly leaders: number;
  /** Manager -> term -> whom it voted for. */
  readonly votesBy: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** Reads the logs of all managers that ever were. */
export async function electionsOf(managers: readonly Logged[]): Promise<Elections> {
  const faults: string[] = [];
  const votesBy = new Map<string, Map<number, string>>();
  const leaderIn = new Map<number, string>();
  for (const manager of managers) {
    const own = new Map<number, string>();
    votesBy.set(manager.id, own);
    for (const { event, term, to } of await linesOf(manager)) {
      const votedFor = event === 'campaign-started' ? manager.id : event === 'vote-granted' ? String(to) : null;
      if (votedFor !== null) {
        const before = own.get(Number(term)) ?? votedFor;
        const both = `${before} and ${votedFor}`;
        if (before !== votedFor) faults.push(`${manager.id} voted for ${both} in term ${String(term)}`);
        own.set(Number(term), votedFor);
      }
      if (event !== 'elected') continue;
      const other = leaderIn.get(Number(term));
      if (other !== undefined) faults.push(`${other} and ${manager.id} were elected in term ${String(term)}`);
      leaderIn.set(Number(term), manager.id);
    }
  }
  const votes = [...votesBy.values()].reduce((sum, own) => sum + own.size, 0);
  return { faults, votes, leaders: leaderIn.size, votesBy };
}
