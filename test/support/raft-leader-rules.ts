/** Who leads, and what a leader may believe and do. */
import type { ManagerId } from '../../src/base/index.js';
import { entryBytes } from '../../src/raft/core/index.js';
import type { PeerView, RaftView, StoredEntry } from '../../src/raft/core/index.js';
import type { Chain } from './raft-chains.js';
import type { CommitRules } from './raft-commit-rules.js';
import type { InvariantLimits } from './raft-invariants.js';
import type { NodeFacts } from './raft-node-facts.js';

type Note = (sentence: string) => void;

interface Leadership {
  readonly leader: ManagerId;
  /** Of its log when it was last seen: it only grows. */
  lastIndex: number;
  lastChain: Chain | null;
}

export class LeaderRules {
  readonly #nodes: ReadonlyMap<ManagerId, NodeFacts>;
  readonly #commit: CommitRules;
  readonly #limits: InvariantLimits;
  readonly #note: Note;
  readonly #ofTerm = new Map<number, Leadership>();

  constructor(nodes: ReadonlyMap<ManagerId, NodeFacts>, commit: CommitRules, limits: InvariantLimits, note: Note) {
    this.#nodes = nodes;
    this.#commit = commit;
    this.#limits = limits;
    this.#note = note;
  }

  get termsLed(): number {
    return this.#ofTerm.size;
  }

  leaderOf(term: number): ManagerId | null {
    return this.#ofTerm.get(term)?.leader ?? null;
  }

  elected({ id, memory, hardState }: NodeFacts, term: number): void {
    const other = this.#ofTerm.get(term)?.leader;
    if (other !== undefined) {
      this.#note(`election safety: ${other} and ${id} both lead term ${term}`);
      return;
    }
    this.#ofTerm.set(term, { leader: id, lastIndex: 0, lastChain: null });
    if (hardState.term !== term || hardState.votedFor !== id) {
      this.#note(`durable votes: ${id} leads term ${term}, and its own vote is not on its disk`);
    }
    const committed = this.#commit.lastBefore(term);
    if (committed > memory.lastIndex || !this.#commit.isIn(memory, committed)) {
      this.#note(`leader completeness: ${id} leads term ${term}, and lacks the committed entry ${committed}`);
    }
  }

  shown(facts: NodeFacts, view: RaftView): void {
    if (view.role !== 'leader') {
      facts.peerSilentTicks.clear();
      return;
    }
    const { id, memory } = facts;
    const { term } = view;
    if (view.votedFor !== id) this.#note(`election safety: ${id} leads term ${term}, and did not vote for itself`);
    if (facts.handedOverTerm === term) this.#note(`transfer: ${id} leads on in term ${term} after it handed over`);
    const isCommittedOut = view.isMembershipCommitted && !view.voters.includes(id);
    if (isCommittedOut) this.#note(`removed: ${id} leads term ${term}, and is no voter by a committed change`);
    this.#onlyGrows(facts, view);
    for (const peer of view.peers) this.#believes(facts, view, peer);
    this.#isHeard(facts, view);
    const open = openChanges(memory.entries, this.#commit.index);
    if (open.length > 1) this.#note(`one change at a time: ${id} has ${open.length} uncommitted ones in term ${term}`);
    // Ongaro, raft-dev 2015: else leaders of two terms can make changes whose majorities do not meet.
    const isOwnCommitted = memory.entryAt(view.commitIndex)?.term === term;
    const ownChange = open.find((entry) => entry.term === term);
    if (ownChange !== undefined && !isOwnCommitted) {
      this.#note(`change barrier: ${id} changed members at ${ownChange.index} before it committed in term ${term}`);
    }
  }

  #onlyGrows({ id, memory }: NodeFacts, { term }: RaftView): void {
    const known = this.#ofTerm.get(term);
    if (known === undefined || known.leader !== id) return;
    const isCut = memory.lastIndex < known.lastIndex
      || (known.lastChain !== null && !memory.holds(known.lastIndex, known.lastChain));
    if (isCut) this.#note(`leader append-only: ${id} changed its own log in term ${term}`);
    known.lastIndex = memory.lastIndex;
    known.lastChain = memory.chainAt(memory.lastIndex);
  }

  #believes({ id, memory }: NodeFacts, { term, lastIndex }: RaftView, peerView: PeerView): void {
    const { id: peer, match, next, state } = peerView;
    if (match >= next || match > lastIndex || next > lastIndex + 1) {
      this.#note(`progress: ${id} sees ${peer} at match ${match}, next ${next}, and its log ends at ${lastIndex}`);
    }
    const chain = memory.chainAt(match);
    const other = this.#nodes.get(peer);
    // One that knows a newer term may have lost all that an older leader counted on; that leader commits nothing more.
    if (chain !== null && other !== undefined && other.hardState.term <= term && !other.disk.holds(match, chain)) {
      this.#note(`durable acknowledgements: ${id} counts on ${match} at ${peer}, which is not on its disk`);
    }
    const { inflightBytesMax, appendBytesMax } = this.#limits;
    if (state !== 'replicate' || inflightBytesMax === undefined || appendBytesMax === undefined) return;
    const underWay = memory.entries.filter(({ index }) => index > match && index < next).map(entryBytes);
    const bytes = underWay.reduce((sum, one) => sum + one, 0);
    const slack = Math.max(appendBytesMax, ...underWay);
    if (bytes > inflightBytesMax + slack) this.#note(`window: ${id} has ${bytes} bytes under way to ${peer}`);
  }

  /** CheckQuorum: within an election timeout of silence a leader steps down. */
  #isHeard(facts: NodeFacts, { id, peers, term }: RaftView): void {
    const { peerSilentTicks, view: before } = facts;
    const wasLeader = before?.role === 'leader' && before.term === term;
    if (!wasLeader) peerSilentTicks.clear();
    for (const { id: peer } of peers) if (!peerSilentTicks.has(peer)) peerSilentTicks.set(peer, 0);
    const limit = this.#limits.electionTimeoutTicks;
    // At each tick it asks who was heard, among the voters that it knew when the tick came.
    if (limit === undefined || !wasLeader || !facts.isTick) return;
    const { voters } = before;
    const heard = voters.filter((voter) => voter === id || (peerSilentTicks.get(voter) ?? 0) <= limit);
    if (heard.length * 2 > voters.length) return;
    this.#note(`check quorum: ${id} leads term ${term}, and has not heard a majority for ${limit} ticks`);
  }
}

/** Changes of the members that are not committed. Walked from the end: a step looks at few entries. */
function openChanges(entries: readonly StoredEntry[], committedIndex: number): readonly StoredEntry[] {
  const open: StoredEntry[] = [];
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const entry = entries[at];
    if (entry === undefined || entry.index <= committedIndex) break;
    if (entry.payload.kind === 'membership') open.unshift(entry);
  }
  return open;
}
