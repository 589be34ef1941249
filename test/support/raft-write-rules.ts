/** What a node asks its disk for, and what is on it: one vote per term, logs that only lose what may be lost. */
import type { HardState, RestoredState, WriteOutput } from '../../src/raft/core/index.js';
import type { CommitRules } from './raft-commit-rules.js';
import { orderFault } from './raft-chains.js';
import type { NodeFacts } from './raft-node-facts.js';

type Note = (sentence: string) => void;

export class WriteRules {
  readonly #commit: CommitRules;
  readonly #note: Note;
  /** By node and term, as found on its disk. */
  readonly #votes = new Map<string, string>();

  constructor(commit: CommitRules, note: Note) {
    this.#commit = commit;
    this.#note = note;
  }

  asked(facts: NodeFacts, write: WriteOutput): void {
    const { hardState, snapshot, truncateFrom, entries } = write;
    const { id, memory } = facts;
    if (hardState !== null) {
      this.#votesOnce(facts, facts.wanted, hardState);
      facts.wanted = hardState;
    }
    if (truncateFrom !== null) this.#truncates(facts, truncateFrom);
    if (snapshot !== null) this.#snapshots(facts, write);
    const before = truncateFrom === null ? memory.lastIndex : truncateFrom - 1;
    const last = memory.entryAt(before);
    memory.wrote(write);
    if (snapshot !== null) facts.snapshot = snapshot;
    const fault = last === null ? null : orderFault(entries, last);
    if (fault !== null) this.#note(`log order: ${id}: ${fault}`);
    if (memory.lastTerm > facts.wanted.term) this.#note(`log order: ${id} is in ${facts.wanted.term}, its log further`);
  }

  #votesOnce({ id }: NodeFacts, before: HardState, after: HardState): void {
    if (after.term < before.term) this.#note(`terms: the term of ${id} goes back from ${before.term} to ${after.term}`);
    const isChanged = after.term === before.term && before.votedFor !== null && after.votedFor !== before.votedFor;
    if (isChanged) this.#note(`one vote per term: ${id} changes its vote of term ${after.term}`);
  }

  #truncates({ id, memory, view, ackedTerm, ackedIndex, wanted }: NodeFacts, from: number): void {
    if (from <= this.#commit.index && this.#commit.isIn(memory, from)) {
      this.#note(`append only: ${id} cuts off entry ${from}, which is committed`);
    }
    if (view !== null && from <= view.commitIndex) this.#note(`append only: ${id} cuts off what it has committed`);
    // Within one term its leader's log only grows, so nothing that was acknowledged to it can conflict.
    if (ackedTerm === wanted.term && from <= ackedIndex) {
      this.#note(`append only: ${id} cuts off ${from}, and acknowledged ${ackedIndex} in this term`);
    }
  }

  #snapshots({ id, appliedIndex, memory }: NodeFacts, { snapshot, replacesLog, compactTo }: WriteOutput): void {
    if (snapshot === null) return;
    this.#commit.snapshotMade(id, snapshot);
    if (!replacesLog && snapshot.index > appliedIndex) {
      this.#note(`snapshots: ${id} has a snapshot of ${snapshot.index}, and applied ${appliedIndex}`);
    }
    const goesBack = replacesLog && memory.baseIndex >= snapshot.index;
    if (goesBack) this.#note(`snapshots: ${id} goes back to ${snapshot.index}`);
    if (compactTo !== null && compactTo > snapshot.index) {
      this.#note(`snapshots: ${id} forgets up to ${compactTo}, its snapshot ends at ${snapshot.index}`);
    }
  }

  durable(facts: NodeFacts, stored: RestoredState): void {
    const { id, disk } = facts;
    const { hardState, snapshot, base } = stored;
    this.#votesOnce(facts, facts.hardState, hardState);
    facts.hardState = hardState;
    if (hardState.votedFor !== null) {
      const key = `${id}/${hardState.term}`;
      const earlier = this.#votes.get(key) ?? hardState.votedFor;
      if (earlier !== hardState.votedFor) {
        this.#note(`one vote per term: ${id} voted for ${earlier} and ${hardState.votedFor} in term ${hardState.term}`);
      }
      this.#votes.set(key, earlier);
    }
    const isCovered = base.index <= (snapshot?.index ?? 0);
    if (!isCovered) this.#note(`snapshots: the disk of ${id} lacks what is before ${base.index}`);
    const held = this.#committedHeld(facts);
    disk.become(stored);
    if (held <= disk.lastIndex && this.#commit.isIn(disk, held)) return;
    this.#note(`durable log: the disk of ${id} loses entry ${held}, which is committed`);
  }

  /** The last entry on the disk that is committed. */
  #committedHeld({ disk }: NodeFacts): number {
    let index = Math.min(disk.lastIndex, this.#commit.index);
    while (index > disk.baseIndex && !this.#commit.isIn(disk, index)) index -= 1;
    return index;
  }
}
