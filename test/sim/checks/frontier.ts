/** The newest state that any manager has applied, entry by entry: what is committed, as the checks see it. */
import { emptyState } from '../../../src/ha/index.js';
import type { Command, CommandResult, HaState } from '../../../src/ha/index.js';
import type { CommittedLog } from '../../world/invariants.js';
import type { CommitObserver } from '../../world/replicated-log.js';

export class Frontier implements CommittedLog {
  state: HaState = emptyState;
  readonly #observers: CommitObserver[] = [];

  onCommit(observer: CommitObserver): void {
    this.#observers.push(observer);
  }

  advance(index: number, command: Command, result: CommandResult, state: HaState): void {
    this.state = state;
    for (const observer of this.#observers) observer({ index, command, result, state });
  }
}
