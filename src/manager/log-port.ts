/**
 * The log as `ha` sees it, for one reign: proposals and proofs count only while the manager leads in the term in which
 * the reign began. A reign that lost its leadership and won it again is another reign.
 */
import type { ManagerId, Term } from '../base/index.js';
import { whyNotYet } from '../ha/index.js';
import type { ClockPort, Command, CommandResult, HaState, LogOutcome, LogPort } from '../ha/index.js';
import { isStaleSerial } from '../raft/index.js';
import type { ProposalSession, ProposeOutcome, RaftNode } from '../raft/index.js';
import { encodeCommand } from './command-codec.js';

/** A commit needs a majority's fsync; a disk that takes longer than this is not one to fail over with. */
const proposeWithinMs = 5000;
const proofWithinMs = 1000;
const retryEveryMs = 50;
/** A hand-over that comes to nothing refuses everything for one election timeout. */
const retryElectionTimeouts = 1.5;

export interface ReignLogOptions {
  readonly raft: RaftNode;
  readonly term: Term;
  readonly electionTimeoutMs: number;
  /** This manager gives the reign up, though it may still lead: nothing is tried again. */
  readonly isEnding: () => boolean;
  readonly state: () => HaState;
  readonly nextSession: () => ProposalSession;
  readonly clock: ClockPort;
}

/** The core's words for why it takes nothing, as a person reads them in a blocked operation or a refusal. */
const reasonWords: Readonly<Record<string, string>> = {
  'handing-over': 'the leadership is being handed over',
  'disk-low': 'the disks of a majority of the managers are almost full',
  'too-large': 'it is too large for one entry of the log',
  'too-much-uncommitted': 'too much waits to be committed',
};

export class ReignLogPort implements LogPort {
  readonly self: ManagerId;
  readonly term: Term;
  readonly #options: ReignLogOptions;

  constructor(options: ReignLogOptions) {
    this.#options = options;
    this.self = options.raft.status().id;
    this.term = options.term;
  }

  async propose(command: Command, requestId?: string, retryWithinMs = Infinity): Promise<LogOutcome> {
    if (!this.#isReigning()) return { kind: 'lost', reason: 'this manager does not lead any more' };
    // Older builds among the voters would stop at it.
    const notYet = whyNotYet(this.state(), command);
    if (notYet !== null) return { kind: 'dropped', reason: notYet };
    const outcome = await this.#proposed(command, requestId, retryWithinMs);
    switch (outcome.kind) {
      case 'applied':
        if (isStaleSerial(outcome.result)) return { kind: 'lost', reason: 'a later proposal came first' };
        return { kind: 'applied', index: outcome.index, result: outcome.result as CommandResult };
      case 'not-leader':
        return { kind: 'lost', reason: 'this manager does not lead any more' };
      case 'dropped':
        if (!this.#isReigning() || this.#options.isEnding()) return { kind: 'lost', reason: outcome.reason };
        return { kind: 'dropped', reason: reasonWords[outcome.reason] ?? outcome.reason };
      case 'unknown':
        return { kind: 'lost', reason: outcome.reason };
    }
  }

  /**
   * What is certainly not in the log and may be taken a moment later is proposed again: a hand-over that comes to
   * nothing (its successor does not catch up) refuses everything for an election timeout, and an operation must not
   * call itself blocked, or roll back, for that. Each try has a serial of its own: a later proposal of this reign may
   * have overtaken the one before, which would make it stale.
   */
  async #proposed(
    command: Command,
    requestId: string | undefined,
    retryWithinMs: number,
  ): Promise<ProposeOutcome> {
    const { raft, clock, nextSession, electionTimeoutMs, isEnding } = this.#options;
    const encoded = encodeCommand(command);
    // What belongs to an operation, a failover's beginning too, is taken even when the disks are almost full.
    const isUrgent = 'operation' in command;
    const startedAtMs = clock.nowMs();
    const triedForMs = Math.min(proposeWithinMs, electionTimeoutMs * retryElectionTimeouts, retryWithinMs);
    for (;;) {
      const session = requestId === undefined ? nextSession() : { id: `r-${requestId}`, serial: 1 };
      const spentMs = clock.nowMs() - startedAtMs;
      // One allowance for all tries: a late one must not get a whole one anew.
      const outcome = await raft.propose(encoded, session, Math.max(1, proposeWithinMs - spentMs), isUrgent);
      if (outcome.kind !== 'dropped' || !outcome.isPassing || !this.#isReigning() || isEnding()) return outcome;
      const restMs = triedForMs - (clock.nowMs() - startedAtMs);
      if (restMs <= 0) return outcome;
      await clock.sleep(Math.min(retryEveryMs, restMs));
    }
  }

  async proveLeadership(): Promise<boolean> {
    if (!this.#isReigning()) return false;
    const proof = await this.#options.raft.proveLeadership(proofWithinMs);
    return proof.kind === 'leader' && proof.term === this.term;
  }

  state(): HaState {
    return this.#options.state();
  }

  #isReigning(): boolean {
    const { role, term } = this.#options.raft.status();
    return role === 'leader' && term === this.term;
  }
}
