/**
 * Elections: PreVote, votes, leader stickiness, stepping down. PreVote keeps a cut-off node from inflating terms,
 * stickiness keeps a node that hears no heartbeats (or was removed) from disturbing those that do, CheckQuorum
 * (replication.ts) makes a leader that nobody answers give up: alone, none of the three is enough.
 */
import type { ManagerId } from '../../base/index.js';
import { term } from '../../base/index.js';
import type { CoreState } from './core-state.js';
import type { PreVoteRequest, PreVoteResponse, VoteRequest, VoteResponse } from './message.js';
import { tally } from './quorum.js';
import { broadcastAppends } from './replication.js';

export function tickWithoutLeadership(state: CoreState): void {
  state.electionElapsedTicks += 1;
  state.leaderSilentTicks += 1;
  if (state.electionElapsedTicks < state.electionTimeoutTicks) return;
  if (!state.mayCampaign || state.installing !== null) {
    // Learners, the removed and those who know no managers yet only listen.
    if (state.leader !== null) state.becomeFollower(state.term, null);
    return;
  }
  // With a hung disk no vote can become durable, so no campaign can be won; but each would raise the term in memory,
  // and the refusals that wait for the disk would depose a sound leader when it comes back. A candidate whose own vote
  // hangs stays one: when the disk comes back, its requests leave, and lose only to a leader that was heard meanwhile.
  if (!state.isDiskStalled) {
    startPreCampaign(state);
  } else if (state.leader !== null) {
    state.note('disk-stalled', { term: state.term, ticks: state.durability.stalledTicks });
    state.becomeFollower(state.term, null);
  }
}

/** Heard from a leader, or led, within T: who wants to replace it is cut off, removed or impatient (thesis 4.2.3). */
export function isLeaderFresh(state: CoreState): boolean {
  if (state.role === 'leader') return true;
  return state.leaderSilentTicks < state.config.electionTimeoutTicks;
}

function startPreCampaign(state: CoreState): void {
  state.takeRole('pre-candidate', null);
  state.votes.set(state.config.id, true);
  state.note('pre-campaign-started', { term: state.term });
  const { lastIndex, lastTerm } = state.log;
  const message: PreVoteRequest = { kind: 'pre-vote-request', term: term(state.term + 1), lastIndex, lastTerm };
  // Nothing was promised, so nothing has to be durable first.
  for (const voter of state.otherVoters) state.send(voter, message, null);
  countPreVotes(state);
}

function countPreVotes(state: CoreState): void {
  const result = tally(state.voters, state.votes);
  if (result === 'lost') state.becomeFollower(state.term, null);
  // The disk may have hung since this was asked (tickWithoutLeadership).
  else if (result === 'won' && !state.isDiskStalled) startCampaign(state, false);
}

export function startCampaign(state: CoreState, isTransfer: boolean): void {
  state.enterTerm(term(state.term + 1));
  state.takeRole('candidate', null);
  state.voteFor(state.config.id);
  const { lastIndex, lastTerm } = state.log;
  state.note('campaign-started', { term: state.term, lastIndex, lastTerm });
  // The request waits until term, own vote and the whole log it boasts of are durable. If it left earlier and we
  // crashed, we could campaign again in the same term with a shorter log, and a late grant for the longer one would
  // elect us without entries that its voter holds. So a grant that comes in always finds our own vote durable.
  const after = state.durability.afterAll();
  state.ownVoteSeq = after;
  const message: VoteRequest = { kind: 'vote-request', term: state.term, lastIndex, lastTerm, isTransfer };
  for (const voter of state.otherVoters) state.send(voter, message, after);
}

/** The candidate's vote for itself counts like any other: once it is durable. With one voter, this is the election. */
export function ownVotePersisted(state: CoreState): void {
  state.ownVoteSeq = null;
  // The requests leave only now: a slow write must not use up the time in which they can be answered.
  state.electionElapsedTicks = 0;
  state.votes.set(state.config.id, true);
  countVotes(state);
}

function countVotes(state: CoreState): void {
  const result = tally(state.voters, state.votes);
  if (result === 'lost') state.becomeFollower(state.term, null);
  else if (result === 'won' && state.votes.get(state.config.id) === true) becomeLeader(state);
}

function becomeLeader(state: CoreState): void {
  state.note('elected', { term: state.term, votes: [...state.votes.values()].filter(Boolean).length });
  state.takeRole('leader', state.config.id);
  state.appendOwn({ kind: 'no-op' });
  broadcastAppends(state);
}

export function preVoteRequested(state: CoreState, from: ManagerId, request: PreVoteRequest): void {
  const isOpen =
    request.term > state.term ||
    (request.term === state.term &&
      (state.votedFor === from || (state.votedFor === null && state.leader === null)));
  const granted = isOpen && mayVote(state) && state.log.isUpToDate(request.lastIndex, request.lastTerm);
  answerPreVote(state, from, request, granted);
}

/**
 * Learners vote when they are asked: one that was just promoted may not know it yet. Who knows no managers at all was
 * made to join and has never heard a leader: its empty log would agree to anything, under an id that may once have
 * belonged to a voter with a full one.
 */
function mayVote(state: CoreState): boolean {
  return state.voters.length > 0;
}

/** Rejected, not dropped: the sender must learn that its term is behind, or it could ask for ever (etcd raft.go). */
export function answerPreVote(state: CoreState, to: ManagerId, request: PreVoteRequest, granted: boolean): void {
  const answer: PreVoteResponse = {
    kind: 'pre-vote-response',
    term: granted ? request.term : state.term,
    granted,
  };
  state.send(to, answer, state.durability.afterAll());
}

export function voteRequested(state: CoreState, from: ManagerId, request: VoteRequest): void {
  const isFree = state.votedFor === from || (state.votedFor === null && state.leader === null);
  const granted = isFree && mayVote(state) && state.log.isUpToDate(request.lastIndex, request.lastTerm);
  if (granted) {
    state.voteFor(from);
    // Only a granted vote postpones our own campaign: a candidate that cannot win must not hold others back.
    state.electionElapsedTicks = 0;
  }
  state.note(granted ? 'vote-granted' : 'vote-refused', { to: from, term: state.term });
  answerVote(state, from, granted);
}

export function answerVote(state: CoreState, to: ManagerId, granted: boolean): void {
  const answer: VoteResponse = { kind: 'vote-response', term: state.term, granted };
  state.send(to, answer, state.durability.afterAll());
}

export function preVoteAnswered(state: CoreState, from: ManagerId, answer: PreVoteResponse): void {
  if (state.role !== 'pre-candidate') return;
  // A grant for another campaign of ours says nothing about this one.
  if (answer.granted && answer.term !== state.term + 1) return;
  state.votes.set(from, answer.granted);
  countPreVotes(state);
}

export function voteAnswered(state: CoreState, from: ManagerId, answer: VoteResponse): void {
  if (state.role !== 'candidate') return;
  state.votes.set(from, answer.granted);
  countVotes(state);
}
