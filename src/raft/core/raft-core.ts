/**
 * One Raft node as a function of its inputs: `step` takes one input and returns what to write, send, apply. No I/O, no
 * clock, no randomness of its own: equal inputs and seed give equal outputs, so every failure can be replayed. It must
 * be driven by one caller, never from inside its own outputs. Etcd's raft and cowsql's `raft_step` are the models.
 */
import type { LogIndex, Prng } from '../../base/index.js';
import { assert, assertNever } from '../../base/index.js';
import type { RaftCoreConfig } from './config.js';
import { checkConfig } from './config.js';
import { CoreState } from './core-state.js';
import * as election from './election.js';
import { payloadBytes } from './entry.js';
import { answerRefusal, appendRequested } from './following.js';
import type { Input } from './input.js';
import { checkInvariants } from './invariants.js';
import type { Message } from './message.js';
import type { DropReason, Output, WriteSeq } from './output.js';
import { advanceReads, readRequested } from './reads.js';
import * as replication from './replication.js';
import type { RestoredState } from './restored.js';
import { restoredFault } from './restored.js';
import type { RaftView } from './view.js';

type Propose = Extract<Input, { kind: 'propose' }>;
type Receive = Extract<Input, { kind: 'receive' }>;

export class RaftCore {
  readonly #state: CoreState;

  /** `restored` must have no `restoredFault`. Entries committed before the restart come out of the first step. */
  constructor(config: RaftCoreConfig, restored: RestoredState, random: Prng) {
    checkConfig(config);
    const fault = restoredFault(restored);
    assert(fault === null, `the restored state is broken: ${fault}`);
    this.#state = new CoreState(config, restored, random);
  }

  /** After a `halt` no input has any effect. */
  step(input: Input): readonly Output[] {
    const state = this.#state;
    if (state.haltReason !== null) return [];
    const { role, term, leader, commitIndex, handedOutIndex, appliedIndex } = state;
    this.#take(input);
    if (state.haltReason === null) {
      giveOutCommitted(state);
      advanceReads(state);
      if (state.role !== role || state.term !== term || state.leader !== leader) {
        state.emit({ kind: 'role-changed', role: state.role, term: state.term, leader: state.leader });
      }
      checkInvariants(state, { term, commitIndex, handedOutIndex, appliedIndex });
    }
    return state.takeOutputs();
  }

  inspect(): RaftView {
    const { config, role, term, votedFor, leader, commitIndex, appliedIndex, log, durability, peers } = this.#state;
    return {
      id: config.id,
      role,
      term,
      votedFor,
      leader,
      commitIndex,
      appliedIndex,
      durableIndex: durability.durableIndex,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
      voters: config.voters,
      peers: [...peers].map(([id, progress]) => ({
        id,
        match: progress.match,
        next: progress.next,
        state: progress.state,
        recentlyActive: replication.isRecentlyActive(this.#state, progress),
      })),
      halted: this.#state.haltReason !== null,
    };
  }

  #take(input: Input): void {
    const state = this.#state;
    switch (input.kind) {
      case 'tick':
        state.nowMs = input.nowMs;
        state.durability.tick();
        if (state.role === 'leader') replication.tickAsLeader(state);
        else election.tickWithoutLeadership(state);
        return;
      case 'receive':
        receive(state, input);
        return;
      case 'propose':
        propose(state, input);
        return;
      case 'read-request':
        readRequested(state, input.readId);
        return;
      case 'persisted':
        persisted(state, input.seq);
        return;
      case 'applied':
        applied(state, input.index);
        return;
      case 'storage-failed':
        state.halt(`storage failed: ${input.reason}`);
        return;
      default:
        assertNever(input);
    }
  }
}

function receive(state: CoreState, { from, message }: Receive): void {
  // A sender that is not among the voters is still served: it may know a newer membership than we do (thesis 4.1).
  if (from === state.config.id) {
    state.note('own-message-ignored', { message: message.kind });
    return;
  }
  if (message.term < state.term) {
    answerOldTerm(state, from, message);
    return;
  }
  // Also in our own term: a refusal may have brought the candidate's term here before its request for a vote.
  const wantsVote = message.kind === 'pre-vote-request' || message.kind === 'vote-request';
  if (wantsVote && election.isLeaderFresh(state)) {
    state.note('vote-ignored', { from, theirTerm: message.term, leader: state.leader });
    return;
  }
  if (message.term > state.term) {
    // A pre-vote speaks of a term that nobody has entered yet.
    const isHypothetical =
      message.kind === 'pre-vote-request' || (message.kind === 'pre-vote-response' && message.granted);
    if (!isHypothetical) {
      state.becomeFollower(message.term, message.kind === 'append-request' ? from : null);
    }
  }
  dispatch(state, from, message);
}

function dispatch(state: CoreState, from: Receive['from'], message: Message): void {
  switch (message.kind) {
    case 'pre-vote-request':
      election.preVoteRequested(state, from, message);
      return;
    case 'pre-vote-response':
      election.preVoteAnswered(state, from, message);
      return;
    case 'vote-request':
      election.voteRequested(state, from, message);
      return;
    case 'vote-response':
      election.voteAnswered(state, from, message);
      return;
    case 'append-request':
      appendRequested(state, from, message);
      return;
    case 'append-response':
      replication.appendAnswered(state, from, message);
      return;
    default:
      assertNever(message);
  }
}

/** Requests of an older term are refused with ours, or a node stuck at a higher term could never come back. */
function answerOldTerm(state: CoreState, from: Receive['from'], message: Message): void {
  if (message.kind === 'append-request') answerRefusal(state, from, message);
  else if (message.kind === 'pre-vote-request') election.answerPreVote(state, from, message, false);
  else if (message.kind === 'vote-request') election.answerVote(state, from, false);
}

function propose(state: CoreState, { proposalId, payload, nowMs }: Propose): void {
  state.nowMs = nowMs;
  const reason = dropReason(state, payloadBytes(payload));
  if (reason !== null) {
    state.emit({ kind: 'proposal-dropped', proposalId, reason, leader: state.leader });
    return;
  }
  const { index, term } = state.appendOwn(payload);
  state.emit({ kind: 'proposal-accepted', proposalId, index, term });
  replication.broadcastAppends(state);
}

function dropReason(state: CoreState, bytes: number): DropReason | null {
  if (state.role !== 'leader') return 'not-leader';
  if (bytes > state.config.entryBytesMax) return 'too-large';
  if (state.uncommittedBytes + bytes > state.config.uncommittedBytesMax) return 'too-much-uncommitted';
  return null;
}

function persisted(state: CoreState, seq: WriteSeq): void {
  state.durability.persisted(seq);
  if (state.role === 'candidate' && state.ownVoteSeq !== null && state.ownVoteSeq <= seq) {
    election.ownVotePersisted(state);
  }
  if (state.role === 'leader') replication.commitWhatMajorityHolds(state);
}

function applied(state: CoreState, index: LogIndex): void {
  if (index > state.appliedIndex) state.appliedIndex = index;
}

/** Committed by a majority is not enough: what is applied here must not vanish from this disk. */
function giveOutCommitted(state: CoreState): void {
  const { durableIndex } = state.durability;
  const upTo = durableIndex < state.commitIndex ? durableIndex : state.commitIndex;
  if (upTo <= state.handedOutIndex) return;
  state.emit({ kind: 'apply', entries: state.log.range(state.after(state.handedOutIndex), upTo) });
  state.handedOutIndex = upTo;
}
