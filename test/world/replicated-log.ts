/**
 * The log that the managers share, reduced to what the logic above it can see: entries in one order, one leader per
 * term, and a leader that can lose its place at any moment. It is as good as a correct Raft: no entry of a deposed
 * leader is taken, and nobody leads while an earlier leader's rights to answer may still hold.
 */
import { emptyState, reduce } from '../../src/ha/index.js';
import type { Command, CommandResult, HaState } from '../../src/ha/index.js';
import { term as makeTerm } from '../../src/base/index.js';
import type { ManagerId, Term } from '../../src/base/index.js';
import type { Environment } from './environment.js';

export const electionTimeoutMs = 1000;
/** What is added to virtual time to make cluster time. */
const epochOfTimeMs = 1_700_000_000_000;

export interface LoggedEntry {
  readonly index: number;
  readonly command: Command;
  readonly result: CommandResult;
  /** Applied up to and with this entry. */
  readonly state: HaState;
}

export type CommitObserver = (entry: LoggedEntry) => void;

export class ReplicatedLog {
  readonly #env: Environment;
  readonly #entries: LoggedEntry[] = [];
  readonly #commitObservers: CommitObserver[] = [];
  readonly #leaderObservers: (() => void)[] = [];
  #leader: ManagerId | null = null;
  #term: Term = makeTerm(0);

  constructor(env: Environment) {
    this.#env = env;
  }

  get leader(): ManagerId | null {
    return this.#leader;
  }

  get term(): Term {
    return this.#term;
  }

  get lastIndex(): number {
    return this.#entries.length;
  }

  get entries(): readonly LoggedEntry[] {
    return this.#entries;
  }

  /** State after the last entry. */
  get state(): HaState {
    return this.stateAt(this.lastIndex);
  }

  stateAt(index: number): HaState {
    return this.#entries[index - 1]?.state ?? emptyState;
  }

  isLeader(manager: ManagerId, term: Term): boolean {
    return this.#leader === manager && this.#term === term;
  }

  /** Null when the proposer does not lead: then it is not in the log. */
  append(manager: ManagerId, term: Term, command: Command): LoggedEntry | null {
    return this.isLeader(manager, term) ? this.commit(command) : null;
  }

  /** Commits on nobody's behalf: for what stands in the log when the world begins. */
  commit(command: Command): LoggedEntry {
    const index = this.lastIndex + 1;
    const timeMs = epochOfTimeMs + Math.floor(this.#env.queue.nowMs);
    const { state, result } = reduce(this.state, command, { index, timeMs });
    const entry: LoggedEntry = { index, command, result, state };
    this.#entries.push(entry);
    const no = result.ok ? '' : ` -> rejected: ${result.reason}`;
    this.#env.trace.say('log', `${index} ${JSON.stringify(command)}${no}`);
    for (const observer of this.#commitObservers) observer(entry);
    return entry;
  }

  elect(manager: ManagerId): void {
    this.#leader = manager;
    this.#term = makeTerm(this.#term + 1);
    this.#env.trace.say('log', `${manager} leads in term ${this.#term}`);
    for (const observer of this.#leaderObservers) observer();
  }

  /** The leader loses a majority. It learns of it in its own time. */
  depose(): void {
    if (this.#leader === null) return;
    this.#env.trace.say('log', `${this.#leader} leads no more`);
    this.#leader = null;
    for (const observer of this.#leaderObservers) observer();
  }

  onCommit(observer: CommitObserver): void {
    this.#commitObservers.push(observer);
  }

  onLeader(observer: () => void): void {
    this.#leaderObservers.push(observer);
  }
}
