/** The replicated state behind Raft: decodes each entry, reduces it, and answers the proposer. */
import { decodeCommand } from './command-codec.js';
import { emptyState, reduce } from '../ha/index.js';
import type { CommandResult, HaState } from '../ha/index.js';
import type { AppliedEntry, StateMachine } from '../raft/index.js';

export class HaMachine implements StateMachine {
  #state: HaState = emptyState;

  get state(): HaState {
    return this.#state;
  }

  apply(entry: AppliedEntry): CommandResult {
    const { state, result } = reduce(this.#state, decodeCommand(entry.command), {
      index: entry.index,
      timeMs: entry.timeMs,
    });
    this.#state = state;
    return result;
  }
}
