/**
 * The state of one node and the few ways to change it. Election, replication and reads are functions over this; each
 * change of term, vote or log goes through a method here, which books it into the step's write, so that no caller can
 * forget to persist. Outputs collect here until the step ends (raft-core.ts).
 */
import type { LogIndex, ManagerId, Prng, Term } from '../../base/index.js';
import { assert, logIndex } from '../../base/index.js';
import type { RaftCoreConfig } from './config.js';
import { Durability } from './durability.js';
import type { EntryPayload, StoredEntry } from './entry.js';
import { payloadBytes } from './entry.js';
import { RaftLog } from './log.js';
import type { Message } from './message.js';
import type { LogFact, Output, Role, WriteOutput, WriteSeq } from './output.js';
import type { Progress } from './progress.js';
import { createProgress } from './progress.js';
import { ReadQueue } from './read-index.js';
import type { RestoredState } from './restored.js';

export class CoreState {
  readonly config: RaftCoreConfig;
  readonly log: RaftLog;
  readonly durability: Durability;
  readonly reads = new ReadQueue();
  readonly #random: Prng;

  role: Role = 'follower';
  term: Term;
  votedFor: ManagerId | null;
  leader: ManagerId | null = null;
  /**
   * Ticks since an append of the current term's leader was heard, or since this node ceased to lead; stands still while
   * it leads. Below T, nobody is voted for (thesis 4.2.3): ha's right to answer relies on it that whoever acknowledged
   * a leader, or was one, elects no other within T. So only time ends it: no vote, new term or refusal may touch it,
   * for they tell nothing about whether the old leader still acts on what it was acknowledged. After a restart it is 0,
   * because a leader may have been heard a moment before; Infinity in term 0: acknowledging a leader persists its term.
   */
  leaderSilentTicks: number;
  commitIndex: LogIndex;
  appliedIndex: LogIndex = logIndex(0);
  /** Given out to be applied. */
  handedOutIndex: LogIndex = logIndex(0);
  /** The newest wall-clock time that an input brought. */
  nowMs = 0;

  electionTimeoutTicks = 0;
  /** Not the leader: ticks since the leader was heard, a vote was given or a campaign began. */
  electionElapsedTicks = 0;
  heartbeatElapsedTicks = 0;
  /** Answers to the campaign that runs. */
  votes = new Map<ManagerId, boolean>();
  /** The write that holds this candidate's vote for itself. */
  ownVoteSeq: WriteSeq | null = null;
  /** The leader's: one for each other voter. */
  peers = new Map<ManagerId, Progress>();
  uncommittedBytes = 0;

  haltReason: string | null = null;

  #outputs: Output[] = [];
  #writeSeq: WriteSeq | null = null;
  #truncatedFrom: LogIndex | null = null;
  #appendedFrom: LogIndex | null = null;
  #isVoteChanged = false;
  #isCommitMoved = false;

  constructor(config: RaftCoreConfig, restored: RestoredState, random: Prng) {
    this.config = config;
    this.#random = random;
    this.log = new RaftLog(restored.entries);
    this.durability = new Durability(this.log.lastIndex);
    this.term = restored.hardState.term;
    this.leaderSilentTicks = restored.hardState.term > 0 ? 0 : Infinity;
    this.votedFor = restored.hardState.votedFor;
    this.commitIndex = restored.hardState.commitIndex;
    this.redrawElectionTimeout();
  }

  /** A write hangs: an fsync need not fail, it may just never return (a lost SAN path, a frozen volume). */
  get isDiskStalled(): boolean {
    return this.durability.stalledTicks >= this.config.electionTimeoutTicks;
  }

  get otherVoters(): readonly ManagerId[] {
    return this.config.voters.filter((voter) => voter !== this.config.id);
  }

  /** Moves to a higher term, in which no vote is given yet. */
  enterTerm(term: Term): void {
    assert(term > this.term, `a term never goes back: ${term} after ${this.term}`);
    this.term = term;
    this.votedFor = null;
    this.#voteChanged();
  }

  voteFor(candidate: ManagerId): void {
    assert(this.votedFor === null || this.votedFor === candidate, 'one vote per term');
    if (this.votedFor === candidate) return;
    this.votedFor = candidate;
    this.#voteChanged();
  }

  /** Steps back, into a newer term or the same; `leader` is null as long as it is not known. */
  becomeFollower(newTerm: Term, leader: ManagerId | null): void {
    if (this.role === 'leader') this.note('stepped-down', { term: this.term, newTerm });
    if (newTerm > this.term) this.enterTerm(newTerm);
    this.takeRole('follower', leader);
  }

  takeRole(role: Role, leader: ManagerId | null): void {
    if (this.role === 'leader' && role !== 'leader') {
      this.leaderSilentTicks = 0;
      for (const readId of this.reads.abandon()) this.emit({ kind: 'read-failed', readId });
      this.peers.clear();
      this.uncommittedBytes = 0;
    }
    this.role = role;
    this.leader = leader;
    this.votes.clear();
    this.ownVoteSeq = null;
    this.redrawElectionTimeout();
    if (role !== 'leader') return;
    this.heartbeatElapsedTicks = 0;
    for (const peer of this.otherVoters) this.peers.set(peer, createProgress(this.log.lastIndex));
    const uncommitted = this.log.range(this.after(this.commitIndex), this.log.lastIndex);
    this.uncommittedBytes = uncommitted.reduce((sum, entry) => sum + payloadBytes(entry.payload), 0);
  }

  /** In [T, 2T), anew for each attempt: nodes that timed out together must not do so again (Raft paper 5.2). */
  redrawElectionTimeout(): void {
    const ticks = this.config.electionTimeoutTicks;
    this.electionTimeoutTicks = this.#random.int(ticks, 2 * ticks);
    this.electionElapsedTicks = 0;
  }

  /** A leader's new entry. Cluster time follows the leader's clock, but never goes back when the clock does. */
  appendOwn(payload: EntryPayload): StoredEntry {
    const timeMs = Math.max(Math.trunc(this.nowMs), this.log.lastTimeMs);
    const entry = { index: this.after(this.log.lastIndex), term: this.term, timeMs, payload };
    this.uncommittedBytes += payloadBytes(payload);
    this.appendAll([entry]);
    return entry;
  }

  appendAll(entries: readonly StoredEntry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    for (const entry of entries) this.log.append(entry);
    this.#appendedFrom ??= first.index;
    this.durability.entriesIn(this.#seq(), this.log.lastIndex);
  }

  truncateFrom(index: LogIndex): void {
    assert(index > this.commitIndex, `entry ${index} is committed and must never be removed`);
    assert(this.#appendedFrom === null, 'one step truncates before it appends');
    this.log.truncateFrom(index);
    this.durability.truncatedFrom(index);
    this.#truncatedFrom = index;
    this.#seq();
  }

  moveCommitTo(index: LogIndex): void {
    if (index <= this.commitIndex) return;
    assert(index <= this.log.lastIndex, `commit ${index} is beyond the log's end ${this.log.lastIndex}`);
    if (this.role === 'leader') {
      for (const entry of this.log.range(this.after(this.commitIndex), index)) {
        this.uncommittedBytes -= payloadBytes(entry.payload);
      }
    }
    this.commitIndex = index;
    this.#isCommitMoved = true;
  }

  after(index: LogIndex): LogIndex {
    return logIndex(index + 1);
  }

  send(to: ManagerId, message: Message, after: WriteSeq | null): void {
    this.emit({ kind: 'send', to, message, after });
  }

  note(event: string, facts: Readonly<Record<string, LogFact>>): void {
    this.emit({ kind: 'log', event, facts });
  }

  emit(output: Output): void {
    this.#outputs.push(output);
  }

  /** Something that must never happen was seen. Nothing of this step may leave. */
  halt(reason: string): void {
    this.haltReason ??= reason;
  }

  /** The outputs of the step that ends here, its write first. */
  takeOutputs(): readonly Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    if (this.haltReason !== null) return [{ kind: 'halt', reason: this.haltReason }];
    const write = this.#takeWrite();
    return write === null ? outputs : [write, ...outputs];
  }

  #takeWrite(): WriteOutput | null {
    const sync = this.#writeSeq !== null;
    if (!sync && !this.#isCommitMoved) return null;
    const { term, votedFor, commitIndex } = this;
    const write: WriteOutput = {
      kind: 'write',
      seq: this.#writeSeq ?? this.durability.nextSeq(),
      hardState: this.#isVoteChanged || this.#isCommitMoved ? { term, votedFor, commitIndex } : null,
      truncateFrom: this.#truncatedFrom,
      entries: this.#appendedFrom === null ? [] : this.log.range(this.#appendedFrom, this.log.lastIndex),
      sync,
    };
    this.#writeSeq = null;
    this.#truncatedFrom = null;
    this.#appendedFrom = null;
    this.#isVoteChanged = false;
    this.#isCommitMoved = false;
    return write;
  }

  #voteChanged(): void {
    this.#isVoteChanged = true;
    this.durability.voteIn(this.#seq());
  }

  #seq(): WriteSeq {
    this.#writeSeq ??= this.durability.nextSeq();
    return this.#writeSeq;
  }
}
