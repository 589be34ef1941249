/** What is said, and what must be durable before it is: persist before you speak. */
import type { ManagerId } from '../../src/base/index.js';
import type { AppendRequest, Message } from '../../src/raft/core/index.js';
import type { LeaderRules } from './raft-leader-rules.js';
import type { InvariantLimits } from './raft-invariants.js';
import type { NodeFacts } from './raft-node-facts.js';

type Note = (sentence: string) => void;

export class SpeechRules {
  readonly #nodes: ReadonlyMap<ManagerId, NodeFacts>;
  readonly #leader: LeaderRules;
  readonly #limits: InvariantLimits;
  readonly #note: Note;
  /** By voter and term: whom it said to have voted for. */
  readonly #spoken = new Map<string, ManagerId>();

  constructor(nodes: ReadonlyMap<ManagerId, NodeFacts>, leader: LeaderRules, limits: InvariantLimits, note: Note) {
    this.#nodes = nodes;
    this.#leader = leader;
    this.#limits = limits;
    this.#note = note;
  }

  /** Asked for by the core; it may still have to wait. */
  asked(facts: NodeFacts, to: ManagerId, message: Message): void {
    const { id } = facts;
    if (message.kind === 'append-response' && message.accepted) this.#acknowledges(facts, message);
    else if (message.kind === 'append-request') this.#tellsCommit(facts, to, message);
    else if (message.kind === 'timeout-now') facts.handedOverTerm = message.term;
    else if (message.kind === 'vote-request' && message.isTransfer) this.#wasAskedToCampaign(facts, message.term);
    const isGrant = (message.kind === 'pre-vote-response' || message.kind === 'vote-response') && message.granted;
    if (!isGrant) return;
    if (facts.memory.lastIndex === 0 && facts.membership() === null && facts.view?.voters.length === 0) {
      this.#note(`joining: ${id} knows no managers, and agrees to elect ${to}`);
    }
    this.#isSticky(facts, to);
    this.#isUpToDate(facts, to);
  }

  #acknowledges(facts: NodeFacts, { term, matchIndex }: Extract<Message, { accepted: true }>): void {
    facts.leaderSilentTicks = 0;
    facts.ackedIndex = facts.ackedTerm === term ? Math.max(facts.ackedIndex, matchIndex) : matchIndex;
    facts.ackedTerm = term;
  }

  /** Whoever acknowledged a leader within an election timeout elects no other, unless that leader asked for it. */
  #isSticky({ id, leaderSilentTicks, asked }: NodeFacts, to: ManagerId): void {
    const { electionTimeoutTicks } = this.#limits;
    if (electionTimeoutTicks === undefined || asked === null) return;
    if (asked.message.kind === 'vote-request' && asked.message.isTransfer) return;
    if (leaderSilentTicks >= electionTimeoutTicks) return;
    this.#note(`stickiness: ${id} agrees to elect ${to}, ${leaderSilentTicks} ticks after it heard a leader`);
  }

  /** Such a campaign overrides stickiness: only the leader of the term before may have asked for it. */
  #wasAskedToCampaign({ id, asked }: NodeFacts, term: number): void {
    if (asked?.message.kind === 'timeout-now' && asked.message.term === term - 1) return;
    this.#note(`transfer: ${id} campaigns in term ${term} as if the leader of the term before had asked for it`);
  }

  #isUpToDate({ id, memory, asked }: NodeFacts, to: ManagerId): void {
    const request = asked?.message;
    if (request?.kind !== 'pre-vote-request' && request?.kind !== 'vote-request') return;
    const { lastIndex, lastTerm } = request;
    const isOlder = lastTerm < memory.lastTerm || (lastTerm === memory.lastTerm && lastIndex < memory.lastIndex);
    if (!isOlder) return;
    const own = `${memory.lastIndex}@${memory.lastTerm}`;
    this.#note(`election restriction: ${id} with a log up to ${own} agrees to ${to} with ${lastIndex}@${lastTerm}`);
  }

  /** A commit index told to a peer is never beyond what it holds of this leader's log. */
  #tellsCommit({ id, memory }: NodeFacts, to: ManagerId, message: AppendRequest): void {
    const chain = memory.chainAt(message.commitIndex);
    const other = this.#nodes.get(to);
    if (chain === null || other === undefined || other.hardState.term > message.term) return;
    if (other.disk.holds(message.commitIndex, chain)) return;
    this.#note(`told commit: ${id} tells ${to} of commit ${message.commitIndex}, which is not on its disk`);
  }

  sent(facts: NodeFacts, to: ManagerId, message: Message): void {
    const { id, hardState, disk } = facts;
    const { term } = message;
    if (message.kind === 'vote-response' && message.granted) {
      this.#hasVoted(facts, to, term);
    } else if (message.kind === 'vote-request') {
      this.#hasVoted(facts, id, term);
      // Once it follows another leader of this term, a grant cannot elect it any more.
      const mayWin = facts.view?.role === 'candidate' && facts.view.term === term;
      const isShort = mayWin && disk.lastIndex < message.lastIndex;
      if (isShort) this.#note(`durable votes: ${id} boasts of ${message.lastIndex}, ${disk.lastIndex} are on its disk`);
    } else if (message.kind === 'append-response' && message.accepted) {
      if (hardState.term < term) this.#note(`durable terms: ${id} answers in term ${term}, which is not on its disk`);
      this.#hasAcknowledged(facts, term, message.matchIndex);
    }
  }

  #hasVoted({ id, hardState }: NodeFacts, candidate: ManagerId, term: number): void {
    const key = `${id}/${term}`;
    const earlier = this.#spoken.get(key) ?? candidate;
    if (earlier !== candidate) {
      this.#note(`one vote per term: ${id} said in term ${term} that it voted for ${earlier} and ${candidate}`);
    }
    this.#spoken.set(key, earlier);
    if (hardState.term > term || (hardState.term === term && hardState.votedFor === candidate)) return;
    this.#note(`durable votes: ${id} says that it voted for ${candidate} in term ${term} before it is on its disk`);
  }

  #hasAcknowledged({ id, disk, hardState }: NodeFacts, term: number, matchIndex: number): void {
    // It may have moved on while the answer waited: then it is an answer to a leader that leads no more.
    if (hardState.term > term) return;
    if (disk.lastIndex < matchIndex) {
      this.#note(`durable acknowledgements: ${id} acknowledges ${matchIndex}, ${disk.lastIndex} are on its disk`);
      return;
    }
    const leader = this.#leader.leaderOf(term);
    const log = leader === null ? undefined : this.#nodes.get(leader);
    if (log === undefined || log.wanted.term !== term) return;
    const chain = log.memory.chainAt(matchIndex);
    if (chain === null || disk.holds(matchIndex, chain)) return;
    this.#note(`durable acknowledgements: ${id} acknowledges another entry ${matchIndex} than ${leader} has`);
  }
}
