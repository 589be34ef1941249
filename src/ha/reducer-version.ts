/**
 * Which commands a reducer understands. All managers must reduce an entry in the same way, so a command, or a new
 * meaning of an old one, belongs to a version: it is proposed only once the replicated state stands at that version,
 * and the state goes there (`reducer-version-raised`) only when the builds of all voters understand it. During a
 * rolling upgrade the old meaning holds for all, old and new builds alike.
 *
 * To add a version: raise `reducerMax`, name in `commandVersion` what needs it, and let whatever changes its meaning
 * ask for `state.reducerVersion`. Nothing is ever taken out: old entries and snapshots must be read for ever.
 * The leader asks `whyNotYet` before it proposes (manager/log-port.ts); a dry run asks it too.
 */
import type { Command } from './commands.js';
import type { HaState } from './state.js';

/** The newest version that this build understands. */
export const reducerMax = 1;

/** The version that a command needs. To raise it needs the new one: a build that does not know it must stop there. */
export function commandVersion(command: Command): number {
  return command.kind === 'reducer-version-raised' ? command.to : 1;
}

/** A sentence, or null when the command may be proposed. */
export function whyNotYet(state: HaState, command: Command): string | null {
  const needed = commandVersion(command);
  if (needed <= state.reducerVersion) return null;
  return `this needs reducer version ${needed}, and the managers are at ${state.reducerVersion}: upgrade all of them`;
}

/** What the leader should raise the version to now; null: stay. */
export function raiseTo(state: HaState, voterReducerMaxes: readonly number[]): number | null {
  const all = Math.min(reducerMax, ...voterReducerMaxes);
  return voterReducerMaxes.length > 0 && all > state.reducerVersion ? all : null;
}
