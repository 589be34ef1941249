/**
 * Callers that wait for their proposal. Each is answered exactly once: by the entry's application, by a definite no, or
 * as `unknown` when its time is over. Losing the leadership answers nobody: the entry may still commit.
 */
import type { LogIndex, Term } from '../base/index.js';
import type { StoredEntry } from './core/index.js';
import type { Timers } from './timers.js';
import type { ProposeOutcome } from './types.js';

interface Waiting {
  readonly resolve: (outcome: ProposeOutcome) => void;
  readonly endTimer: () => void;
  index: LogIndex | null;
  term: Term | null;
}

export class WaitingProposals {
  readonly #waiting = new Map<number, Waiting>();
  readonly #byIndex = new Map<LogIndex, number>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(proposalId: number, withinMs: number): Promise<ProposeOutcome> {
    return new Promise((resolve) => {
      const endTimer = this.#timers.after(withinMs, () => {
        this.#settle(proposalId, { kind: 'unknown', reason: `not applied within ${withinMs} ms` });
      });
      this.#waiting.set(proposalId, { resolve, endTimer, index: null, term: null });
    });
  }

  accepted(proposalId: number, index: LogIndex, term: Term): void {
    const waiting = this.#waiting.get(proposalId);
    if (waiting === undefined) return;
    const former = this.#byIndex.get(index);
    // Our own later proposal stands at the same index: the earlier one was truncated away.
    if (former !== undefined) this.#settle(former, overwritten);
    waiting.index = index;
    waiting.term = term;
    this.#byIndex.set(index, proposalId);
  }

  refused(proposalId: number, outcome: ProposeOutcome): void {
    this.#settle(proposalId, outcome);
  }

  applied(entry: StoredEntry, result: unknown): void {
    const { index, term } = entry;
    const proposalId = this.#byIndex.get(index);
    const waiting = proposalId === undefined ? undefined : this.#waiting.get(proposalId);
    if (proposalId === undefined || waiting === undefined) return;
    // An entry is known by index and term: another term here means that ours can never commit.
    this.#settle(proposalId, waiting.term === term ? { kind: 'applied', index, term, result } : overwritten);
  }

  /** A leader's snapshot stands for all entries up to `index`: which of them were ours cannot be told any more. */
  overtaken(index: LogIndex): void {
    for (const [proposalId, waiting] of [...this.#waiting]) {
      if (waiting.index === null || waiting.index > index) continue;
      this.#settle(proposalId, { kind: 'unknown', reason: 'a snapshot took the place of the entry' });
    }
  }

  endAll(reason: string): void {
    for (const proposalId of [...this.#waiting.keys()]) this.#settle(proposalId, { kind: 'unknown', reason });
  }

  #settle(proposalId: number, outcome: ProposeOutcome): void {
    const waiting = this.#waiting.get(proposalId);
    if (waiting === undefined) return;
    waiting.endTimer();
    this.#waiting.delete(proposalId);
    if (waiting.index !== null && this.#byIndex.get(waiting.index) === proposalId) this.#byIndex.delete(waiting.index);
    waiting.resolve(outcome);
  }
}

const overwritten: ProposeOutcome = {
  kind: 'dropped', reason: 'a newer leader replaced the entry', isPassing: false,
};
