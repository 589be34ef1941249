/**
 * The rules of Raft, checked from outside on all that the nodes ask for, say and show (names as in etcd's TLA+
 * specification and LogCabin's RaftConsensusInvariants). Pure: whoever runs the nodes feeds it, in the order in which
 * things happen; what is not fed is not checked. Violations are collected as sentences, never thrown, so that a run can
 * go on and tell all of them.
 *
 *   restarted(id, stored)     a node starts, for the first time too, from this disk
 *   received(id, from, m)     a message is about to be given to its core
 *   ticked(id)                a tick is about to be given to its core
 *   observed(id, output)      an output of its core, as it is given
 *   view(id, view)            after each step of the core, once its outputs were observed
 *   durable(id, stored)       the disk holds this now; before the core is told, or anything leaves
 *   sent(id, to, message)     a message leaves: what it waited for is done
 *   crashed(id)               all that was only in memory is gone
 *   readAsked(id, readId)     ReadIndex is about to be asked for
 *   acked(proposal)           a client was told that its proposal is done
 */
import type { ManagerId } from '../../src/base/index.js';
import type { Message, Output, RaftView, RestoredState } from '../../src/raft/core/index.js';
import { Chains, orderFault } from './raft-chains.js';
import { CommitRules } from './raft-commit-rules.js';
import { LeaderRules } from './raft-leader-rules.js';
import type { NodeFacts } from './raft-node-facts.js';
import { createFacts } from './raft-node-facts.js';
import { SpeechRules } from './raft-speech-rules.js';
import { WriteRules } from './raft-write-rules.js';

/** What the nodes are configured with; a rule that needs a limit is not checked without it. */
export interface InvariantLimits {
  readonly electionTimeoutTicks?: number;
  readonly appendBytesMax?: number;
  readonly inflightBytesMax?: number;
}

export interface AckedProposal {
  readonly index: number;
  readonly term: number;
}

/** More would only repeat what the first ones say. */
const violationsMax = 20;

export class RaftInvariants {
  readonly violations: string[] = [];
  readonly #chains: Chains;
  readonly #nodes = new Map<ManagerId, NodeFacts>();
  readonly #commit: CommitRules;
  readonly #leader: LeaderRules;
  readonly #speech: SpeechRules;
  readonly #writes: WriteRules;

  constructor(limits: InvariantLimits = {}) {
    const note = (sentence: string): void => this.#note(sentence);
    this.#chains = new Chains(note);
    this.#commit = new CommitRules(this.#chains, this.#nodes, note);
    this.#leader = new LeaderRules(this.#nodes, this.#commit, limits, note);
    this.#speech = new SpeechRules(this.#nodes, this.#leader, limits, note);
    this.#writes = new WriteRules(this.#commit, note);
  }

  /** Known to be committed: the highest commit index that any node has shown. */
  get committedIndex(): number {
    return this.#commit.index;
  }

  get termsLed(): number {
    return this.#leader.termsLed;
  }

  restarted(id: ManagerId, stored: RestoredState): void {
    const facts = createFacts(this.#chains, stored, id);
    this.#nodes.set(id, facts);
    const fault = orderFault(stored.entries, stored.base);
    if (fault !== null) this.#note(`log order: the disk of ${id}: ${fault}`);
  }

  crashed(id: ManagerId): void {
    const facts = this.#nodes.get(id);
    if (facts !== undefined) facts.view = null;
  }

  received(id: ManagerId, from: ManagerId, message: Message): void {
    const facts = this.#nodes.get(id);
    if (facts === undefined) return;
    facts.asked = { from, message };
    const isAnswer = message.kind === 'append-response' || message.kind === 'snapshot-answer';
    if (isAnswer && message.term === facts.view?.term) facts.peerSilentTicks.set(from, 0);
  }

  ticked(id: ManagerId): void {
    const facts = this.#nodes.get(id);
    if (facts === undefined) return;
    facts.asked = null;
    facts.isTick = true;
    if (facts.view?.role === 'leader') {
      for (const [peer, ticks] of facts.peerSilentTicks) facts.peerSilentTicks.set(peer, ticks + 1);
    } else {
      facts.leaderSilentTicks += 1;
    }
  }

  observed(id: ManagerId, output: Output): void {
    const facts = this.#nodes.get(id);
    if (facts === undefined) return;
    switch (output.kind) {
      case 'write':
        this.#writes.asked(facts, output);
        return;
      case 'send':
        this.#speech.asked(facts, output.to, output.message);
        return;
      case 'apply':
        this.#commit.applied(facts, output.entries);
        return;
      case 'restore':
        this.#commit.restored(facts, output.snapshot);
        return;
      case 'role-changed':
        if (output.role === 'leader') this.#leader.elected(facts, output.term);
        else if (facts.view?.role === 'leader') facts.leaderSilentTicks = 0;
        return;
      case 'read-ready':
        this.#commit.readReady(facts, output.readId, output.index);
        return;
      case 'halt':
        this.#note(`${id} halted: ${output.reason}`);
        return;
      default:
        return;
    }
  }

  durable(id: ManagerId, stored: RestoredState): void {
    const facts = this.#nodes.get(id);
    if (facts !== undefined) this.#writes.durable(facts, stored);
  }

  sent(id: ManagerId, to: ManagerId, message: Message): void {
    const facts = this.#nodes.get(id);
    if (facts !== undefined) this.#speech.sent(facts, to, message);
  }

  readAsked(id: ManagerId, readId: number): void {
    this.#commit.readAsked(id, readId);
  }

  acked({ index, term }: AckedProposal): void {
    this.#commit.acked(index, term);
  }

  view(id: ManagerId, view: RaftView): void {
    const facts = this.#nodes.get(id);
    if (facts === undefined) return;
    this.#inOrder(facts, view);
    this.#commit.shown(facts, view);
    this.#leader.shown(facts, view);
    facts.view = view;
    facts.asked = null;
    facts.isTick = false;
  }

  #inOrder({ id, view: before, memory, membership }: NodeFacts, view: RaftView): void {
    const { term, commitIndex, appliedIndex, durableIndex, lastIndex, snapshotIndex, baseIndex } = view;
    const must = (isTrue: boolean, rule: string): void => {
      if (!isTrue) this.#note(`order: ${id}: ${rule}`);
    };
    if (before !== null) {
      must(term >= before.term, 'its term went back');
      must(commitIndex >= before.commitIndex, 'its commit index went back');
      must(appliedIndex >= before.appliedIndex, 'its applied index went back');
    }
    must(appliedIndex <= commitIndex, `applied ${appliedIndex} of ${commitIndex} committed`);
    must(commitIndex <= lastIndex, `committed ${commitIndex}, and its log ends at ${lastIndex}`);
    must(durableIndex <= lastIndex, `${durableIndex} are durable, and its log ends at ${lastIndex}`);
    must(snapshotIndex <= commitIndex, `its snapshot of ${snapshotIndex} is beyond its commit ${commitIndex}`);
    must(baseIndex <= snapshotIndex, `its log begins after ${baseIndex}, its snapshot ends at ${snapshotIndex}`);
    must(lastIndex === memory.lastIndex, `its log ends at ${lastIndex}, what it wrote at ${memory.lastIndex}`);
    must(view.lastTerm <= term, `its log has term ${view.lastTerm}, it is in ${term}`);
    const inLog = membership();
    const isSame = inLog === null || inLog === view.membership;
    const isInForce = isSame || JSON.stringify(inLog) === JSON.stringify(view.membership);
    must(isInForce, 'the membership in force is not the newest one in its log');
  }

  #note(sentence: string): void {
    if (this.violations.length < violationsMax && !this.violations.includes(sentence)) this.violations.push(sentence);
  }
}
