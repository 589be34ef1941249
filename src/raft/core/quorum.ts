/** Majorities: pure functions of the voters and of what each of them said or holds. */
import type { LogIndex, ManagerId } from '../../base/index.js';
import { assert, logIndex } from '../../base/index.js';

export function majority(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1;
}

export function isMajority(voters: readonly ManagerId[], holds: (voter: ManagerId) => boolean): boolean {
  return voters.filter(holds).length >= majority(voters.length);
}

/** The largest index that a majority holds. */
export function majorityIndex(voters: readonly ManagerId[], indexOf: (voter: ManagerId) => LogIndex): LogIndex {
  assert(voters.length > 0, 'there is no majority of no voters');
  const descending = voters.map(indexOf).sort((a, b) => b - a);
  return descending[majority(voters.length) - 1] ?? logIndex(0);
}

export type Tally = 'won' | 'lost' | 'open';

/** `lost`: even if all who have not answered grant it, there is no majority. */
export function tally(voters: readonly ManagerId[], votes: ReadonlyMap<ManagerId, boolean>): Tally {
  if (isMajority(voters, (voter) => votes.get(voter) === true)) return 'won';
  if (!isMajority(voters, (voter) => votes.get(voter) !== false)) return 'lost';
  return 'open';
}
