/** The replicated state behind Raft: decodes each entry, reduces it, and answers the proposer. */
import { decodeCommand, newerVersion } from './command-codec.js';
import { emptyState, reduce, reducerMax } from '../ha/index.js';
import type { CommandResult, HaState } from '../ha/index.js';
import type { AppliedEntry, StateMachine } from '../raft/index.js';

const formatVersion = 1;

interface SnapshotData {
  readonly formatVersion: number;
  readonly state: HaState;
}

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

  snapshot(): SnapshotData {
    return { formatVersion, state: this.#state };
  }

  /** Throws HactlError `newer-version`. */
  restore(data: unknown): void {
    const { formatVersion: format, state } = data as SnapshotData;
    if (format !== formatVersion) throw newerVersion(`the snapshot has format ${format}`);
    if (state.reducerVersion > reducerMax) throw newerVersion(`the snapshot has version ${state.reducerVersion}`);
    this.#state = state;
  }
}
