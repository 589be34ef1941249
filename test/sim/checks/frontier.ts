/**
 * What is committed, entry by entry, as the first manager that applies it shows: a machine of its own runs over it,
 * sessions included, so that what the checks see is what every manager must see.
 */
import type { ManagerId } from '../../../src/base/index.js';
import type { Command, CommandResult, HaState } from '../../../src/ha/index.js';
import { decodeCommand } from '../../../src/manager/command-codec.js';
import { HaMachine } from '../../../src/manager/ha-machine.js';
import type { AppliedEntry, Membership } from '../../../src/raft/index.js';
import type { CommittedLog } from '../../world/invariants.js';
import type { CommitObserver } from '../../world/replicated-log.js';

const spokenMax = 40;

export class Frontier implements CommittedLog {
  readonly #machine = new HaMachine();
  readonly #observers: CommitObserver[] = [];
  /** Of the last one that any manager has applied. */
  index = 0;
  /** What was said of operations under an epoch, the latest. */
  readonly spoken: Extract<Command, { readonly epoch: unknown }>[] = [];
  /** As committed last. */
  voters: readonly ManagerId[] = [];
  /** Managers whose removal was committed. */
  readonly removed = new Set<ManagerId>();
  #membershipIndex = -1;

  get state(): HaState {
    return this.#machine.state;
  }

  onCommit(observer: CommitObserver): void {
    this.#observers.push(observer);
  }

  /** Committed, as some manager says. */
  membership(index: number, { voters, removed }: Membership): void {
    if (index <= this.#membershipIndex) return;
    this.#membershipIndex = index;
    this.voters = voters.map(({ id }) => id);
    for (const id of removed) this.removed.add(id);
  }

  /** A command that ran, as opposed to one that was repeated. */
  advance(entry: AppliedEntry, result: unknown): void {
    this.index = entry.index;
    if (typeof result === 'number') return;
    const answer: CommandResult = this.#machine.apply(entry);
    const { state } = this;
    const command = decodeCommand(entry.command);
    if ('epoch' in command) this.spoken.push(command);
    if (this.spoken.length > spokenMax) this.spoken.shift();
    for (const observer of this.#observers) {
      observer({ index: entry.index, command, result: answer, state });
    }
  }
}
