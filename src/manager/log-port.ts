/**
 * The log as `ha` sees it, for one reign: proposals and proofs count only while the manager leads in the term in which
 * the reign began. A reign that lost its leadership and won it again is another reign.
 */
import { encodeCommand } from './command-codec.js';
import type { ManagerId, Term } from '../base/index.js';
import type { Command, CommandResult, HaState, LogOutcome, LogPort } from '../ha/index.js';
import { isStaleSerial } from '../raft/index.js';
import type { ProposalSession, RaftNode } from '../raft/index.js';

/** A commit needs a majority's fsync; a disk that takes longer than this is not one to fail over with. */
const proposeWithinMs = 5000;
const proofWithinMs = 1000;

export class ReignLogPort implements LogPort {
  readonly self: ManagerId;
  readonly term: Term;
  readonly #raft: RaftNode;
  readonly #state: () => HaState;
  readonly #nextSession: () => ProposalSession;

  constructor(raft: RaftNode, term: Term, state: () => HaState, nextSession: () => ProposalSession) {
    this.#raft = raft;
    this.#state = state;
    this.#nextSession = nextSession;
    this.self = raft.status().id;
    this.term = term;
  }

  async propose(command: Command, requestId?: string): Promise<LogOutcome> {
    if (!this.#isReigning()) return { kind: 'lost', reason: 'this manager does not lead any more' };
    const session = requestId === undefined ? this.#nextSession() : { id: `r-${requestId}`, serial: 1 };
    // What belongs to an operation, a failover's beginning too, is taken even when the disks are almost full.
    const isUrgent = 'operation' in command;
    const outcome = await this.#raft.propose(encodeCommand(command), session, proposeWithinMs, isUrgent);
    switch (outcome.kind) {
      case 'applied':
        if (isStaleSerial(outcome.result)) return { kind: 'lost', reason: 'a later proposal came first' };
        return { kind: 'applied', index: outcome.index, result: outcome.result as CommandResult };
      case 'not-leader':
        return { kind: 'lost', reason: 'this manager does not lead any more' };
      case 'dropped':
        if (!this.#isReigning()) return { kind: 'lost', reason: outcome.reason };
        return { kind: 'dropped', reason: outcome.reason };
      case 'unknown':
        return { kind: 'lost', reason: outcome.reason };
    }
  }

  async proveLeadership(): Promise<boolean> {
    if (!this.#isReigning()) return false;
    const proof = await this.#raft.proveLeadership(proofWithinMs);
    return proof.kind === 'leader' && proof.term === this.term;
  }

  state(): HaState {
    return this.#state();
  }

  #isReigning(): boolean {
    const { role, term } = this.#raft.status();
    return role === 'leader' && term === this.term;
  }
}
