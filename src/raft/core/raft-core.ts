/**
 * One Raft node as a function of its inputs: `step` takes one input and returns what to write, send, apply. No I/O, no
 * clock, no randomness of its own: equal inputs and seed give equal outputs, so every failure can be replayed. It must
 * be driven by one caller, never from inside its own outputs. Etcd's raft and cowsql's `raft_step` are the models.
 */
import type { LogIndex, ManagerId, Prng } from '../../base/index.js';
import { assert, assertNever, logIndex } from '../../base/index.js';
import type { RaftCoreConfig } from './config.js';
import { checkConfig } from './config.js';
import { CoreState } from './core-state.js';
import * as election from './election.js';
import { payloadBytes } from './entry.js';
import { answerRefusal, appendRequested } from './following.js';
import type { Input } from './input.js';
import { checkInvariants } from './invariants.js';
import type { Refused } from './membership-changing.js';
import { tryChange } from './membership-changing.js';
import type { Message } from './message.js';
import type { DropReason, Output, WriteSeq } from './output.js';
import { isMajority } from './quorum.js';
import { advanceReads, readRequested } from './reads.js';
import * as replication from './replication.js';
import type { RestoredState } from './restored.js';
import { restoredFault } from './restored.js';
import { chunkReceived, installedPersisted } from './snapshot-receiving.js';
import { chunkAnswered } from './snapshot-sending.js';
import { timeoutNow, transferRequested } from './transfer.js';
import type { RaftView } from './view.js';

type Propose = Extract<Input, { kind: 'propose' }>;
type ChangeMembership = Extract<Input, { kind: 'change-membership' }>;
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
    const { role, term, leader, commitIndex, handedOutIndex, appliedIndex, membershipIndex } = state;
    this.#take(input);
    if (state.haltReason === null) {
      giveOutCommitted(state);
      wantSnapshot(state);
      advanceReads(state);
      tellMembership(state, membershipIndex, commitIndex);
      if (state.role !== role || state.term !== term || state.leader !== leader) {
        state.emit({ kind: 'role-changed', role: state.role, term: state.term, leader: state.leader });
      }
      checkInvariants(state, { term, commitIndex, handedOutIndex, appliedIndex });
    }
    return state.takeOutputs();
  }

  inspect(): RaftView {
    const state = this.#state;
    const { config, role, term, votedFor, leader, commitIndex, appliedIndex, log, durability, peers } = state;
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
      membership: state.membership,
      isMembershipCommitted: state.membershipIndex <= commitIndex,
      committedMembership: state.committedMembership,
      voters: state.voters,
      baseIndex: log.base.index,
      snapshotIndex: state.snapshot?.index ?? logIndex(0),
      peers: [...peers].map(([id, progress]) => ({
        id,
        match: progress.match,
        next: progress.next,
        state: progress.state,
        recentlyActive: replication.isRecentlyActive(state, progress),
        isVoter: state.voters.includes(id),
        isStuck: progress.isStuck,
        isDiskLow: progress.isDiskLow,
      })),
      halted: state.haltReason !== null,
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
      case 'change-membership':
        changeRequested(state, input);
        return;
      case 'transfer-leadership':
        transferRequested(state, input.target);
        return;
      case 'snapshot-taken':
        snapshotTaken(state, input.index, input.data);
        return;
      case 'disk-space':
        state.isDiskLow = input.isLow;
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
  const isTransfer = message.kind === 'vote-request' && message.isTransfer;
  if (wantsVote && !isTransfer && election.isLeaderFresh(state)) {
    state.note('vote-ignored', { from, theirTerm: message.term, leader: state.leader });
    return;
  }
  if (message.term > state.term) {
    // A pre-vote speaks of a term that nobody has entered yet.
    const isHypothetical =
      message.kind === 'pre-vote-request' || (message.kind === 'pre-vote-response' && message.granted);
    if (!isHypothetical) {
      const isLeaders = message.kind === 'append-request' || message.kind === 'snapshot-chunk';
      state.becomeFollower(message.term, isLeaders ? from : null);
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
    case 'snapshot-chunk':
      chunkReceived(state, from, message);
      return;
    case 'snapshot-answer':
      chunkAnswered(state, from, message);
      return;
    case 'timeout-now':
      timeoutNow(state, from);
      return;
    default:
      assertNever(message);
  }
}

/** Requests of an older term are refused with ours, or a node stuck at a higher term could never come back. */
function answerOldTerm(state: CoreState, from: Receive['from'], message: Message): void {
  if (message.kind === 'append-request') answerRefusal(state, from, message);
  else if (message.kind === 'snapshot-chunk') {
    const { index, term } = message.base;
    answerRefusal(state, from, { prevIndex: index, prevTerm: term, readRound: 0 });
  }
  else if (message.kind === 'pre-vote-request') election.answerPreVote(state, from, message, false);
  else if (message.kind === 'vote-request') election.answerVote(state, from, false);
}

function propose(state: CoreState, { proposalId, payload, nowMs, isUrgent }: Propose): void {
  state.nowMs = nowMs;
  const reason = dropReason(state, payloadBytes(payload), isUrgent);
  if (reason !== null) {
    state.emit({ kind: 'proposal-dropped', proposalId, reason, detail: null, leader: state.leader });
    return;
  }
  const { index, term } = state.appendOwn(payload);
  state.emit({ kind: 'proposal-accepted', proposalId, index, term });
  replication.broadcastAppends(state);
}

/** Appended at once, like a proposal; committed by the majority of the new membership. */
function changeRequested(state: CoreState, { proposalId, change, nowMs }: ChangeMembership): void {
  state.nowMs = nowMs;
  const refused: Refused | null =
    state.role === 'leader' ? tryChange(state, change) : { reason: 'not-leader', detail: 'this manager does not lead' };
  if (refused !== null) {
    const { reason, detail } = refused;
    state.emit({ kind: 'proposal-dropped', proposalId, reason, detail, leader: state.leader });
    return;
  }
  const { lastIndex: index, lastTerm: term } = state.log;
  state.emit({ kind: 'proposal-accepted', proposalId, index, term });
}

function dropReason(state: CoreState, bytes: number, isUrgent: boolean): DropReason | null {
  if (state.role !== 'leader') return 'not-leader';
  if (state.transfer !== null) return 'handing-over';
  if (!isUrgent && !hasRoomOnDisks(state)) return 'disk-low';
  if (bytes > state.config.entryBytesMax) return 'too-large';
  if (state.uncommittedBytes + bytes > state.config.uncommittedBytesMax) return 'too-much-uncommitted';
  return null;
}

/** Before a majority's disks are full, there must be room left for what finishes an operation. */
function hasRoomOnDisks(state: CoreState): boolean {
  const isLow = (voter: ManagerId): boolean =>
    voter === state.config.id ? state.isDiskLow : state.peers.get(voter)?.isDiskLow === true;
  return isMajority(state.voters, (voter) => !isLow(voter));
}

function persisted(state: CoreState, seq: WriteSeq): void {
  state.durability.persisted(seq);
  if (state.installing !== null && state.installing.seq <= seq) installedPersisted(state);
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
  // What follows an installed snapshot waits until the state machine stands on it.
  if (state.installing !== null) return;
  const { durableIndex } = state.durability;
  const upTo = durableIndex < state.commitIndex ? durableIndex : state.commitIndex;
  if (upTo <= state.handedOutIndex) return;
  state.emit({ kind: 'apply', entries: state.log.range(state.after(state.handedOutIndex), upTo) });
  state.handedOutIndex = upTo;
}

/** Every so often, and never two at a time: the driver answers at once or not at all. */
function wantSnapshot(state: CoreState): void {
  const { config, log } = state;
  if (state.isSnapshotWanted || state.installing !== null) return;
  const appliedEntries = state.appliedIndex - state.snapshotCountedFrom;
  const isDue = appliedEntries >= config.snapshotEntries;
  const isLarge = appliedEntries > 0 && log.bytes >= 2 * config.snapshotLogBytes;
  if (!isDue && !isLarge) return;
  state.isSnapshotWanted = true;
  state.emit({ kind: 'take-snapshot' });
}

function snapshotTaken(state: CoreState, index: LogIndex, data: Uint8Array): void {
  // Overtaken by a leader's snapshot: no longer asked for.
  if (!state.isSnapshotWanted || state.installing !== null) return;
  state.isSnapshotWanted = false;
  if (index <= (state.snapshot?.index ?? 0)) return;
  if (data.length > state.config.snapshotBytesMax) {
    state.note('snapshot-too-large', { index, bytes: data.length });
    state.snapshotCountedFrom = index;
    return;
  }
  const { trailingEntries, snapshotLogBytes } = state.config;
  const wanted = state.log.bytes > snapshotLogBytes ? index : Math.max(0, index - trailingEntries);
  state.keepSnapshot(index, data, logIndex(wanted));
  state.note('snapshot-taken', { index, bytes: data.length, baseIndex: state.log.base.index });
}

function tellMembership(state: CoreState, indexBefore: LogIndex, commitBefore: LogIndex): void {
  const { membership, membershipIndex: index, commitIndex } = state;
  const isCommitted = index <= commitIndex;
  const isNewlyCommitted = isCommitted && index > commitBefore;
  if (index === indexBefore && !isNewlyCommitted) return;
  state.emit({ kind: 'membership-changed', membership, index, isCommitted });
}
