/**
 * The state of one node and the few ways to change it. Election, replication and reads are functions over this; each
 * change of term, vote, log or snapshot goes through a method here, which books it into the step's write, so that no
 * caller can forget to persist. Outputs collect here until the step ends (raft-core.ts).
 */
import type { LogIndex, ManagerId, Prng, Term } from '../../base/index.js';
import { assert, logIndex } from '../../base/index.js';
import type { RaftCoreConfig } from './config.js';
import { Durability } from './durability.js';
import type { EntryPayload, StoredEntry } from './entry.js';
import { payloadBytes } from './entry.js';
import { RaftLog } from './log.js';
import { MembershipHistory } from './membership-history.js';
import type { Membership } from './membership.js';
import type { Message } from './message.js';
import type { LogFact, Output, Role, WriteSeq } from './output.js';
import { PendingWrite } from './pending-write.js';
import type { Progress } from './progress.js';
import { createProgress } from './progress.js';
import { ReadQueue } from './read-index.js';
import type { RestoredState } from './restored.js';
import type { IncomingSnapshot } from './snapshot-receiving.js';
import type { Snapshot } from './snapshot.js';

/** Who is to lead instead of this leader, once it has caught up. */
export interface Transfer {
  readonly target: ManagerId;
  elapsedTicks: number;
}

export class CoreState {
  readonly config: RaftCoreConfig;
  readonly log: RaftLog;
  readonly durability: Durability;
  readonly reads = new ReadQueue();
  readonly #memberships: MembershipHistory;
  readonly #random: Prng;

  role: Role = 'follower';
  term: Term;
  votedFor: ManagerId | null;
  leader: ManagerId | null = null;
  /**
   * Ticks since an append of the current term's leader was heard, or since this node ceased to lead; stands still while
   * it leads. Below T, nobody is voted for (thesis 4.2.3): ha's right to answer relies on it that whoever acknowledged
   * a leader, or was one, elects no other within T, unless that leader itself asked for it after its last grant
   * (transfer.ts). So only time ends it: no vote, new term or refusal may touch it, for they tell nothing about whether
   * the old leader still acts on what it was acknowledged. After a restart it is 0, because a leader may have been
   * heard a moment before; Infinity in term 0: acknowledging a leader persists its term.
   */
  leaderSilentTicks: number;
  commitIndex: LogIndex;
  appliedIndex: LogIndex;
  /** Given out to be applied. */
  handedOutIndex: LogIndex;
  /** The newest wall-clock time that an input brought. */
  nowMs = 0;
  isDiskLow = false;

  electionTimeoutTicks = 0;
  /** Not the leader: ticks since the leader was heard, a vote was given or a campaign began. */
  electionElapsedTicks = 0;
  heartbeatElapsedTicks = 0;
  /** Answers to the campaign that runs. */
  votes = new Map<ManagerId, boolean>();
  /** The write that holds this candidate's vote for itself. */
  ownVoteSeq: WriteSeq | null = null;
  /** The leader's: one for each other member. */
  peers = new Map<ManagerId, Progress>();
  uncommittedBytes = 0;
  transfer: Transfer | null = null;
  /** The leader begins no transfer by itself until this is 0 (transfer.ts). */
  transferRestTicks = 0;

  snapshot: Snapshot | null;
  /** The state machine was asked for one. */
  isSnapshotWanted = false;
  /** Entries are counted from here until the next one: the last snapshot, or the last that was too large. */
  snapshotCountedFrom: LogIndex;
  incoming: IncomingSnapshot | null = null;
  /** A leader's snapshot, in memory already in place of the log, and on its way to the disk. */
  installing: { readonly snapshot: Snapshot; readonly seq: WriteSeq } | null = null;

  haltReason: string | null = null;

  #outputs: Output[] = [];
  readonly #write = new PendingWrite();
  #voterIds: readonly ManagerId[] = [];

  constructor(config: RaftCoreConfig, restored: RestoredState, random: Prng) {
    this.config = config;
    this.#random = random;
    const { snapshot, base, entries, hardState } = restored;
    const snapshotIndex = snapshot?.index ?? logIndex(0);
    this.log = new RaftLog(base, entries);
    this.#memberships = new MembershipHistory(snapshot?.membership ?? config.bootstrap, snapshotIndex, entries);
    this.durability = new Durability(this.log.lastIndex);
    this.snapshot = snapshot;
    this.term = hardState.term;
    this.leaderSilentTicks = hardState.term > 0 ? 0 : Infinity;
    this.votedFor = hardState.votedFor;
    this.commitIndex = hardState.commitIndex > snapshotIndex ? hardState.commitIndex : snapshotIndex;
    this.appliedIndex = snapshotIndex;
    this.snapshotCountedFrom = snapshotIndex;
    this.handedOutIndex = snapshotIndex;
    this.#followMembership();
    this.redrawElectionTimeout();
  }

  /** A write hangs: an fsync need not fail, it may just never return (a lost SAN path, a frozen volume). */
  get isDiskStalled(): boolean {
    return this.durability.stalledTicks >= this.config.electionTimeoutTicks;
  }

  /** In force: the newest in the log, committed or not. */
  get membership(): Membership {
    return this.#memberships.current;
  }

  get membershipIndex(): LogIndex {
    return this.#memberships.currentIndex;
  }

  /** The newest that is known to be committed. */
  get committedMembership(): Membership {
    return this.#memberships.committed(this.commitIndex);
  }

  get voters(): readonly ManagerId[] {
    return this.#voterIds;
  }

  get isVoter(): boolean {
    return this.#voterIds.includes(this.config.id);
  }

  /**
   * Whoever is a voter, or was one as far as is known to be committed: a leader that appended its own removal and lost
   * its leadership may be the only one whose log is long enough to be elected and to commit that (thesis 4.2.2).
   */
  get mayCampaign(): boolean {
    if (this.isVoter) return true;
    return this.#memberships.at(this.commitIndex).voters.some((voter) => voter.id === this.config.id);
  }

  get otherVoters(): readonly ManagerId[] {
    return this.#voterIds.filter((voter) => voter !== this.config.id);
  }

  /** Until it has committed an entry of its own term, a leader does not know how far the log is committed. */
  get knowsCommit(): boolean {
    return this.log.matches(this.commitIndex, this.term);
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
    if (this.role === 'leader' && role !== 'leader') this.#endLeadership();
    this.role = role;
    this.leader = leader;
    this.votes.clear();
    this.ownVoteSeq = null;
    this.redrawElectionTimeout();
    if (role !== 'leader') return;
    this.incoming = null;
    this.heartbeatElapsedTicks = 0;
    this.transferRestTicks = 0;
    this.#followMembership();
    const uncommitted = this.log.range(this.after(this.commitIndex), this.log.lastIndex);
    this.uncommittedBytes = uncommitted.reduce((sum, entry) => sum + payloadBytes(entry.payload), 0);
  }

  #endLeadership(): void {
    this.leaderSilentTicks = 0;
    for (const readId of this.reads.abandon()) this.emit({ kind: 'read-failed', readId });
    this.peers.clear();
    this.uncommittedBytes = 0;
    if (this.transfer === null) return;
    const { target } = this.transfer;
    this.transfer = null;
    this.emit({ kind: 'transfer-ended', target, outcome: 'refused', reason: 'this manager does not lead any more' });
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
    let isMembershipNew = false;
    for (const entry of entries) {
      this.log.append(entry);
      isMembershipNew = this.#memberships.appended(entry) || isMembershipNew;
    }
    if (isMembershipNew) this.#followMembership();
    this.#write.appendedFrom(first.index);
    this.durability.entriesIn(this.#seq(), this.log.lastIndex);
  }

  truncateFrom(index: LogIndex): void {
    assert(index > this.commitIndex, `entry ${index} is committed and must never be removed`);
    this.log.truncateFrom(index);
    if (this.#memberships.truncatedFrom(index)) this.#followMembership();
    this.durability.truncatedFrom(index);
    this.#write.truncatedFrom(index);
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
    this.#write.commitMoved();
  }

  /** The state machine's own, of entries that are applied and durable here; entries up to `compactTo` go. */
  keepSnapshot(index: LogIndex, data: Uint8Array, compactTo: LogIndex): void {
    assert(index <= this.handedOutIndex, `a snapshot of entry ${index}, which was never applied`);
    const base = this.log.baseAt(index);
    assert(base !== null, `a snapshot of entry ${index}, which is in an older one`);
    assert(compactTo <= index, 'what no snapshot holds must stay in the log');
    this.snapshotCountedFrom = index;
    this.snapshot = { ...base, membership: this.#memberships.at(index), data };
    this.#write.snapshot(this.snapshot);
    this.#memberships.forgetBefore(index);
    this.#seq();
    if (compactTo <= this.log.base.index) return;
    this.log.compactTo(compactTo);
    this.#write.compacted(compactTo);
  }

  /** A leader's snapshot takes the place of a log that does not hold its last entry. Applied once it is durable. */
  installSnapshot(snapshot: Snapshot): void {
    assert(snapshot.index > this.commitIndex, 'what is committed is never replaced');
    // What is committed stays on the disk until the snapshot, which covers it, takes its place in one write.
    this.durability.truncatedFrom(this.after(this.commitIndex));
    this.log.replaceBy({ index: snapshot.index, term: snapshot.term, timeMs: snapshot.timeMs });
    this.#memberships.replaceBy(snapshot.membership, snapshot.index);
    this.#followMembership();
    this.snapshot = snapshot;
    this.#write.replacedBy(snapshot);
    const seq = this.#seq();
    this.durability.entriesIn(seq, snapshot.index);
    this.installing = { snapshot, seq };
    this.isSnapshotWanted = false;
    this.snapshotCountedFrom = snapshot.index;
    this.commitIndex = snapshot.index;
    this.#write.commitMoved();
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
    const { term, votedFor, commitIndex } = this;
    const write = this.#write.take(this.log, { term, votedFor, commitIndex }, () => this.durability.nextSeq());
    return write === null ? outputs : [write, ...outputs];
  }

  /** Who is streamed to and whose votes count follows the log at once. */
  #followMembership(): void {
    const { voters, learners } = this.membership;
    this.#voterIds = voters.map((voter) => voter.id);
    if (this.role !== 'leader') return;
    const others = [...voters, ...learners].map((member) => member.id).filter((id) => id !== this.config.id);
    for (const id of this.peers.keys()) if (!others.includes(id)) this.peers.delete(id);
    for (const id of others) if (!this.peers.has(id)) this.peers.set(id, createProgress(this.log.lastIndex));
  }

  #voteChanged(): void {
    this.#write.voteChanged();
    this.durability.voteIn(this.#seq());
  }

  #seq(): WriteSeq {
    return this.#write.seq(() => this.durability.nextSeq());
  }
}
