/** What is committed, applied and read: one list for all, held by a majority, and never taken back. */
import type { ManagerId } from '../../src/base/index.js';
import { crc32 } from '../../src/base/index.js';
import type { Membership, RaftView, Snapshot, StoredEntry } from '../../src/raft/core/index.js';
import type { Chain, ChainedLog, Chains } from './raft-chains.js';
import type { NodeFacts } from './raft-node-facts.js';

type Note = (sentence: string) => void;

export class CommitRules {
  readonly #chains: Chains;
  readonly #nodes: ReadonlyMap<ManagerId, NodeFacts>;
  readonly #note: Note;
  /** At [index - 1]. */
  readonly #committed: Chain[] = [];
  /** The term of the leader that committed it. */
  readonly #committedInTerm: number[] = [];
  readonly #applied: Chain[] = [];
  readonly #memberships: { readonly index: number; readonly membership: Membership }[] = [];
  readonly #snapshots = new Map<number, string>();
  /** What was committed anywhere when a read was asked. */
  readonly #readFloors = new Map<string, number>();

  constructor(chains: Chains, nodes: ReadonlyMap<ManagerId, NodeFacts>, note: Note) {
    this.#chains = chains;
    this.#nodes = nodes;
    this.#note = note;
  }

  get index(): number {
    return this.#committed.length;
  }

  /** Before `beforeTerm`: what a leader of that term must hold. */
  lastBefore(beforeTerm: number): number {
    return this.#committedInTerm.findLastIndex((term) => term < beforeTerm) + 1;
  }

  /** Does a log agree with what is committed up to there? */
  isIn(log: ChainedLog, index: number): boolean {
    const chain = this.#committed[index - 1];
    return chain === undefined || log.holds(index, chain);
  }

  shown(facts: NodeFacts, view: RaftView): void {
    const { id, memory, view: before } = facts;
    const { commitIndex } = view;
    if (commitIndex > this.index) this.#advance(facts, view);
    else if (!this.isIn(memory, commitIndex)) {
      this.#note(`state-machine safety: ${id} has committed another entry ${commitIndex} than others have`);
    }
    // By counting only entries of its own term: an older one on a majority can still be overwritten (figure 8).
    const led = before !== null && before.role === 'leader' && before.commitIndex < commitIndex;
    if (!led || view.term !== before.term) return;
    if (this.#termIn(memory, commitIndex) !== view.term) {
      this.#note(`own term: ${id} committed ${commitIndex} in term ${view.term} by counting an older entry`);
    }
  }

  #advance(facts: NodeFacts, view: RaftView): void {
    const { id, memory, view: before } = facts;
    const { commitIndex, term } = view;
    const isLeader = view.role === 'leader' || before?.role === 'leader';
    if (!isLeader) this.#note(`quorum log: ${id} has committed ${commitIndex}, and no leader has`);
    const previous = this.index;
    if (previous > 0 && !this.isIn(memory, previous)) {
      this.#note(`state-machine safety: ${id} commits on top of another entry ${previous} than is committed`);
      return;
    }
    for (let index = previous + 1; index <= commitIndex; index += 1) {
      const chain = memory.chainAt(index);
      if (chain === null) {
        this.#note(`quorum log: ${id} has committed entry ${index}, and does not have it`);
        return;
      }
      this.#committed.push(chain);
      this.#committedInTerm.push(term);
      const payload = memory.entryAt(index)?.payload;
      if (payload?.kind === 'membership') this.#memberships.push({ index, membership: payload.membership });
    }
    if (isLeader) this.#isOnMajority(id, view);
  }

  /** QuorumLog: on the disks of a majority of the voters in force. Learners count nowhere, nor who was removed. */
  #isOnMajority(leader: ManagerId, { commitIndex, voters, term }: RaftView): void {
    const chain = this.#committed[commitIndex - 1] ?? 0;
    const holders = voters.filter((voter) => this.#nodes.get(voter)?.disk.holds(commitIndex, chain) === true);
    if (holders.length * 2 > voters.length) return;
    const found = `${holders.length} of ${voters.length} voters hold it durably`;
    this.#note(`quorum log: ${leader} committed ${commitIndex} in term ${term}, and ${found}`);
  }

  applied(facts: NodeFacts, entries: readonly StoredEntry[]): void {
    const { id, memory, disk } = facts;
    for (const { index, term } of entries) {
      if (index !== facts.appliedIndex + 1) {
        this.#note(`apply order: ${id} applies ${index} after ${facts.appliedIndex}`);
      }
      facts.appliedIndex = index;
      const chain = memory.chainAt(index);
      if (chain === null) {
        this.#note(`apply order: ${id} applies entry ${index}, which is not in its log`);
        continue;
      }
      if (this.#chains.termOf(chain) !== term || !disk.holds(index, chain)) {
        this.#note(`durable apply: ${id} applies entry ${index}, which is not on its disk`);
      }
      this.#hasApplied(id, index, chain);
    }
  }

  #hasApplied(id: ManagerId, index: number, chain: Chain): void {
    this.#applied[index - 1] ??= chain;
    if (this.#applied[index - 1] !== chain) {
      this.#note(`state-machine safety: ${id} applied another entry ${index} than others have`);
    }
  }

  restored(facts: NodeFacts, { index }: Snapshot): void {
    if (index <= facts.appliedIndex) this.#note(`apply order: ${facts.id} goes back from ${facts.appliedIndex}`);
    if (facts.disk.baseIndex < index && facts.disk.lastIndex < index) {
      this.#note(`durable apply: ${facts.id} restores the snapshot of ${index}, which is not on its disk`);
    }
    facts.appliedIndex = index;
  }

  /** A snapshot of one index is the same everywhere; it holds what is committed, and who the managers were there. */
  snapshotMade(id: ManagerId, { index, term, data, membership }: Snapshot): void {
    const text = `${term} ${crc32(data)} ${data.length} ${JSON.stringify(membership)}`;
    const known = this.#snapshots.get(index) ?? text;
    if (known !== text) this.#note(`equal snapshots: ${id} has another state at ${index} than others had`);
    this.#snapshots.set(index, known);
    const chain = this.#committed[index - 1];
    if (chain === undefined || this.#chains.termOf(chain) !== term) {
      this.#note(`equal snapshots: ${id} has a snapshot of ${index}@${term}, which is not committed`);
    }
    const since = this.#memberships.findLast((one) => one.index <= index);
    if (since !== undefined && JSON.stringify(since.membership) !== JSON.stringify(membership)) {
      this.#note(`equal snapshots: the snapshot of ${index} at ${id} names other managers than the log`);
    }
  }

  readAsked(id: ManagerId, readId: number): void {
    this.#readFloors.set(`${id}/${readId}`, this.index);
  }

  readReady({ id, appliedIndex }: NodeFacts, readId: number, index: number): void {
    const floor = this.#readFloors.get(`${id}/${readId}`);
    this.#readFloors.delete(`${id}/${readId}`);
    if (floor !== undefined && index < floor) {
      this.#note(`reads: ${id} answers read ${readId} at ${index}, and ${floor} were committed before it was asked`);
    }
    if (appliedIndex < index) {
      this.#note(`reads: ${id} answers read ${readId} at ${index}, and has applied ${appliedIndex}`);
    }
  }

  acked(index: number, term: number): void {
    const chain = this.#applied[index - 1];
    if (chain !== undefined && this.#chains.termOf(chain) === term) return;
    this.#note(`acknowledged: the proposal at ${index}@${term} was, and nobody has applied it`);
  }

  #termIn(log: ChainedLog, index: number): number {
    return this.#chains.termOf(log.chainAt(index) ?? 0);
  }
}
