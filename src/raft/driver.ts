/**
 * Carries out what the Raft core asks for: writes, sends, applications; and feeds it ticks, messages, proposals. It
 * decides nothing about consensus. Its invariants: one write under way, and later ones folded into the next (group
 * commit); a send leaves only after the write it names is synced; the core is stepped by one caller, never from inside
 * its own outputs; after a halt nothing is written, sent or applied any more.
 */
import { assertNever, errorMessage, HactlError, logIndex, messageWithNext, term } from '../base/index.js';
import type { LogIndex, ManagerId, Prng } from '../base/index.js';
import { decodeRecord, encodeRecord } from './codec.js';
import { RaftCore, raftCoreDefaults, restoredFault, sessionIdCharsMax } from './core/index.js';
import type { DropReason, Input, Membership, MembershipChange, Message, Output } from './core/index.js';
import type { RaftCoreConfig, Snapshot, StoredEntry, WriteSeq } from './core/index.js';
import { SessionedStateMachine, type MachineData } from './sessions.js';
import { Ticker } from './ticker.js';
import { nodeTimers, type Timers } from './timers.js';
import type { LogStore, ProofOutcome, ProposalSession, ProposeOutcome, RaftNode, RaftStatus } from './types.js';
import type { TransferOutcome } from './types.js';
import type { RaftTransport, RestoredStore, StateMachine } from './types.js';
import { WaitingProofs } from './waiting-proofs.js';
import { WaitingProposals } from './waiting-proposals.js';
import { WaitingTransfer } from './waiting-transfer.js';
import { foldWrite, type WriteBatch } from './write-batch.js';

export interface RaftNodeOptions {
  readonly id: ManagerId;
  /** In force until the log says otherwise; empty for a manager that joins. */
  readonly bootstrap: Membership;
  readonly store: LogStore;
  readonly transport: RaftTransport;
  readonly stateMachine: StateMachine;
  /** 20 ms by default. */
  readonly tickMs?: number;
  /** 1000 ms by default; equal on all managers. */
  readonly electionTimeoutMs?: number;
  /** 100 ms by default. */
  readonly heartbeatMs?: number;
  readonly prng: Prng;
  readonly clock: { monotonicMs(): number; wallMs(): number };
  /** Node's own by default. */
  readonly timers?: Timers;
  /** Of the core, for tests and benchmarks; its defaults otherwise. */
  readonly limits?: Partial<Omit<RaftCoreConfig, 'id' | 'bootstrap' | 'electionTimeoutTicks' | 'heartbeatTicks'>>;
  readonly log: (event: string, facts: Record<string, unknown>) => void;
  /** For checks: told of each step of the core, before its outputs are carried out. */
  readonly onStep?: (input: Input, outputs: readonly Output[], core: RaftCore) => void;
}

/** Callers that may wait for proposals, and for proofs. Far above what an operator and the ha part ask for. */
const proposalsWaitingMax = 1024;
/** Each ends by itself: with the hand-over (an election timeout at most), a commit, an application. */
const passingReasons: readonly DropReason[] = ['handing-over', 'not-ready', 'too-much-uncommitted'];
/** A write that hangs may never return: a stop does not wait for it longer than this. */
const stopWithinMs = 3000;
/** Messages that wait for a disk. More mean a stuck disk; any message may be lost, so the oldest goes. */
const sendsHeldMax = 4096;

interface HeldSend {
  readonly after: WriteSeq;
  readonly to: ManagerId;
  readonly message: Message;
}

type DriverState = 'new' | 'running' | 'stopped' | 'halted';

class Driver implements RaftNode {
  readonly halted: Promise<string>;
  readonly #options: RaftNodeOptions;
  readonly #ticker: Ticker;
  readonly #stateMachine: SessionedStateMachine;
  readonly #timers: Timers;
  readonly #proposals: WaitingProposals;
  readonly #proofs: WaitingProofs;
  readonly #transfer: WaitingTransfer;
  readonly #roleListeners = new Set<(status: RaftStatus) => void>();
  readonly #membershipListeners = new Set<(membership: Membership, isCommitted: boolean) => void>();
  readonly #appliedListeners = new Set<(index: LogIndex) => void>();
  readonly #inputs: Input[] = [];
  #settleHalted: (reason: string) => void = () => undefined;
  #state: DriverState = 'new';
  #core: RaftCore | null = null;
  #isStepping = false;
  #nextWrite: WriteBatch | null = null;
  #opening: Promise<RestoredStore> | null = null;
  #writeUnderWay: Promise<void> | null = null;
  #isWriteDue = false;
  #persistedSeq: WriteSeq = 0;
  #heldSends: HeldSend[] = [];
  #appliedIndex = logIndex(0);
  #roleChanged = false;
  #membershipChanged = false;
  #isDiskLow = false;
  #toldAppliedIndex = logIndex(0);
  #lastId = 0;

  constructor(options: RaftNodeOptions) {
    this.#options = options;
    this.halted = new Promise((resolve) => {
      this.#settleHalted = resolve;
    });
    this.#timers = options.timers ?? nodeTimers;
    this.#proposals = new WaitingProposals(this.#timers);
    this.#proofs = new WaitingProofs(this.#timers);
    this.#transfer = new WaitingTransfer(this.#timers);
    this.#stateMachine = new SessionedStateMachine(options.stateMachine);
    const { heartbeatTicks, tickMs } = this.#timing();
    this.#ticker = new Ticker({
      tickMs,
      // What queued up during the pause is heard first, so the missed ticks age a heartbeat that was only just heard.
      // One interval is how old it can rightly be; more would take from the time left to hear the next one.
      catchUpTicksMax: heartbeatTicks,
      monotonicMs: () => options.clock.monotonicMs(),
      timers: this.#timers,
      onTick: () => this.#feed({ kind: 'tick', nowMs: options.clock.wallMs() }),
      onPause: (lateMs) => options.log('ticks-late', { lateMs: Math.round(lateMs) }),
    });
    options.transport.onMessage((from, message) => this.#feed({ kind: 'receive', from, message }));
  }

  #timing(): { tickMs: number; electionTicks: number; heartbeatTicks: number } {
    const { tickMs = 20, electionTimeoutMs = 1000, heartbeatMs = 100 } = this.#options;
    return {
      tickMs,
      electionTicks: Math.max(2, Math.round(electionTimeoutMs / tickMs)),
      heartbeatTicks: Math.max(1, Math.round(heartbeatMs / tickMs)),
    };
  }

  async start(): Promise<void> {
    const { id, bootstrap, store, prng, limits } = this.#options;
    this.#opening = store.open();
    const restored = await this.#opening;
    const fault = restoredFault(restored);
    if (fault !== null) {
      await store.close();
      throw new HactlError({
        code: 'store-faulted',
        what: `the log of manager ${id} cannot be used`,
        why: fault,
        next: 'remove this manager from the cluster and add it again as a new one',
      });
    }
    const { electionTicks, heartbeatTicks } = this.#timing();
    const ticks = { electionTimeoutTicks: electionTicks, heartbeatTicks };
    const config = { ...raftCoreDefaults, ...limits, id, bootstrap, ...ticks };
    if (restored.snapshot !== null) this.#restore(restored.snapshot);
    this.#core = new RaftCore(config, restored, prng);
    // Stopped while the store was opening.
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#ticker.start();
    this.#membershipChanged = true;
    this.#feed({ kind: 'disk-space', isLow: this.#isDiskLow });
  }

  async stop(): Promise<void> {
    if (this.#state !== 'halted') this.#state = 'stopped';
    this.#ticker.stop();
    this.#proposals.endAll('the manager is stopping');
    this.#proofs.endAll();
    this.#transfer.end({ kind: 'unknown', reason: 'the manager is stopping' });
    // A store is not closed under an operation of its own; a failed open has told its caller.
    await this.#opening?.catch(() => undefined);
    if (!(await this.#isWriteOver())) {
      this.#options.log('stopped-while-writing', {});
      return;
    }
    await this.#options.store.close();
  }

  async #isWriteOver(): Promise<boolean> {
    const written = this.#writeUnderWay;
    if (written === null) return true;
    return new Promise((resolve) => {
      const endTimer = this.#timers.after(stopWithinMs, () => resolve(false));
      void written.then(() => {
        endTimer();
        resolve(true);
      });
    });
  }

  async propose(
    command: Uint8Array,
    session: ProposalSession,
    withinMs: number,
    isUrgent = false,
  ): Promise<ProposeOutcome> {
    const reason = this.#whyNotNow();
    if (reason !== null) return { kind: 'dropped', reason, isPassing: false };
    const { id, serial } = session;
    if (id.length > sessionIdCharsMax || !Number.isSafeInteger(serial) || serial < 0) {
      return { kind: 'dropped', reason: 'the session is not valid', isPassing: false };
    }
    const proposalId = this.#nextId();
    const outcome = this.#proposals.add(proposalId, withinMs);
    // A copy: the entry must never change, whatever the caller does with its buffer.
    const payload = { kind: 'command', session: { id, serial }, command: Uint8Array.from(command) } as const;
    this.#feed({ kind: 'propose', proposalId, payload, nowMs: this.#options.clock.wallMs(), isUrgent });
    return outcome;
  }

  async changeMembership(change: MembershipChange, withinMs: number): Promise<ProposeOutcome> {
    const reason = this.#whyNotNow();
    if (reason !== null) return { kind: 'dropped', reason, isPassing: false };
    const proposalId = this.#nextId();
    const outcome = this.#proposals.add(proposalId, withinMs);
    this.#feed({ kind: 'change-membership', proposalId, change, nowMs: this.#options.clock.wallMs() });
    return outcome;
  }

  async transferLeadership(target: ManagerId | null, withinMs: number): Promise<TransferOutcome> {
    if (this.#state !== 'running') return { kind: 'refused', reason: 'the manager is not running' };
    if (this.#transfer.isWaiting) return { kind: 'refused', reason: 'the leadership is being handed over already' };
    const outcome = this.#transfer.begin(withinMs);
    this.#feed({ kind: 'transfer-leadership', target });
    return outcome;
  }

  setDiskLow(isLow: boolean): void {
    if (isLow === this.#isDiskLow) return;
    this.#isDiskLow = isLow;
    this.#options.log(isLow ? 'disk-low' : 'disk-has-room', {});
    this.#feed({ kind: 'disk-space', isLow });
  }

  #whyNotNow(): string | null {
    if (this.#state !== 'running') return 'the manager is not running';
    return this.#proposals.size >= proposalsWaitingMax ? 'too many proposals wait' : null;
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  async proveLeadership(withinMs: number): Promise<ProofOutcome> {
    if (this.#state !== 'running') return { kind: 'not-leader', leader: null };
    const readId = this.#nextId();
    const outcome = this.#proofs.add(readId, withinMs);
    this.#feed({ kind: 'read-request', readId });
    return outcome;
  }

  status(): RaftStatus {
    const { id, bootstrap } = this.#options;
    if (this.#core === null) {
      const none = logIndex(0);
      const indexes = { commitIndex: none, appliedIndex: none, lastIndex: none, snapshotIndex: none };
      const voters = bootstrap.voters.map((voter) => voter.id);
      const memberships = { membership: bootstrap, committedMembership: bootstrap, isMembershipCommitted: true };
      const nobody = { leader: null, ...memberships, voters, peers: [] };
      return { id, role: 'follower', term: term(0), ...indexes, ...nobody, isDiskLow: this.#isDiskLow };
    }
    const view = this.#core.inspect();
    const { role, term: currentTerm, leader, commitIndex, lastIndex, snapshotIndex, peers } = view;
    const { voters, membership, isMembershipCommitted, committedMembership } = view;
    const indexes = { commitIndex, appliedIndex: this.#appliedIndex, lastIndex, snapshotIndex };
    const members = { voters, membership, isMembershipCommitted, committedMembership, peers };
    return { id, role, term: currentTerm, leader, ...indexes, ...members, isDiskLow: this.#isDiskLow };
  }

  onMembership(listener: (membership: Membership, isCommitted: boolean) => void): () => void {
    this.#membershipListeners.add(listener);
    return () => this.#membershipListeners.delete(listener);
  }

  onRoleChange(listener: (status: RaftStatus) => void): () => void {
    this.#roleListeners.add(listener);
    return () => this.#roleListeners.delete(listener);
  }

  onApplied(listener: (appliedIndex: LogIndex) => void): () => void {
    this.#appliedListeners.add(listener);
    return () => this.#appliedListeners.delete(listener);
  }

  /** Inputs that arise while the core is stepped (from outputs, listeners, the state machine) wait for their turn. */
  #feed(input: Input): void {
    if (this.#state !== 'running') return;
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      this.#stepAll();
    } catch (thrown) {
      // A broken invariant, in the core, the state machine or a listener: nothing that follows could be trusted.
      this.#halt(messageWithNext(thrown));
    } finally {
      this.#isStepping = false;
    }
  }

  #stepAll(): void {
    const core = this.#core;
    if (core === null) return;
    for (;;) {
      for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
        const outputs = core.step(input);
        this.#options.onStep?.(input, outputs, core);
        for (const output of outputs) {
          // Stopped or halted by what came before.
          if (this.#state !== 'running') return;
          this.#carryOut(output);
        }
      }
      this.#startWriteSoon();
      this.#tellListeners(core);
      if (this.#inputs.length === 0) return;
    }
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case 'write':
        this.#nextWrite = foldWrite(this.#nextWrite, output);
        return;
      case 'send':
        this.#send(output);
        return;
      case 'apply':
        for (const entry of output.entries) this.#apply(entry);
        this.#inputs.push({ kind: 'applied', index: this.#appliedIndex });
        return;
      case 'take-snapshot': {
        const data = encodeRecord(this.#stateMachine.snapshot());
        this.#inputs.push({ kind: 'snapshot-taken', index: this.#appliedIndex, data });
        return;
      }
      case 'restore':
        this.#restore(output.snapshot);
        this.#inputs.push({ kind: 'applied', index: this.#appliedIndex });
        return;
      case 'membership-changed':
        this.#membershipChanged = true;
        return;
      case 'transfer-ended':
        this.#transfer.ended(output.outcome, output.reason);
        return;
      case 'read-ready':
        this.#readReady(output.readId, output.index);
        return;
      case 'read-failed':
        this.#proofs.settle(output.readId, { kind: 'not-leader', leader: this.status().leader });
        return;
      case 'proposal-accepted':
        this.#proposals.accepted(output.proposalId, output.index, output.term);
        return;
      case 'proposal-dropped': {
        const { proposalId, reason, detail, leader } = output;
        const isPassing = passingReasons.includes(reason);
        const dropped = { kind: 'dropped', reason: detail ?? reason, isPassing } as const;
        this.#proposals.refused(proposalId, reason === 'not-leader' ? { kind: reason, leader } : dropped);
        return;
      }
      case 'role-changed':
        this.#roleChanged = true;
        this.#transfer.leaderIs(output.leader, this.#options.id);
        this.#options.log('role-changed', { role: output.role, term: output.term, leader: output.leader });
        return;
      case 'halt':
        this.#halt(output.reason);
        return;
      case 'log':
        this.#options.log(output.event, { ...output.facts });
        return;
      default:
        assertNever(output);
    }
  }

  #readReady(readId: number, index: LogIndex): void {
    const { role, term: currentTerm, leader } = this.status();
    const isLeader = role === 'leader';
    this.#proofs.settle(readId, isLeader ? { kind: role, term: currentTerm, index } : { kind: 'not-leader', leader });
  }

  #restore({ index, data }: Snapshot): void {
    this.#stateMachine.restore(decodeRecord(data) as MachineData);
    this.#appliedIndex = index;
    this.#proposals.overtaken(index);
  }

  #apply(entry: StoredEntry): void {
    const { index, term: entryTerm, timeMs, payload } = entry;
    let result: unknown = null;
    if (payload.kind === 'command') {
      const { command, session } = payload;
      result = this.#stateMachine.apply({ index, term: entryTerm, timeMs, command }, session);
    }
    this.#appliedIndex = index;
    this.#proposals.applied(entry, result);
  }

  #send({ to, message, after }: Extract<Output, { kind: 'send' }>): void {
    if (after === null || after <= this.#persistedSeq) {
      this.#options.transport.send(to, message);
      return;
    }
    this.#heldSends.push({ after, to, message });
    if (this.#heldSends.length > sendsHeldMax) this.#heldSends.shift();
  }

  /**
   * After the callback that runs now: proposals and messages that came in one piece go to the disk in one write, where
   * the first alone would make all others wait for its fsync.
   */
  #startWriteSoon(): void {
    if (this.#isWriteDue || this.#nextWrite === null || this.#writeUnderWay !== null) return;
    this.#isWriteDue = true;
    queueMicrotask(() => {
      this.#isWriteDue = false;
      this.#startWrite();
    });
  }

  #startWrite(): void {
    const batch = this.#nextWrite;
    // A moved commit index alone waits for the next write that must be made anyway.
    if (batch === null || !batch.sync || this.#writeUnderWay !== null || this.#state !== 'running') return;
    this.#nextWrite = null;
    const { hardState, snapshot, replacesLog, compactTo, truncateFrom, entries } = batch;
    const write = { hardState, snapshot, replacesLog, compactTo, truncateFrom, entries };
    const written = this.#options.store.write(write);
    this.#writeUnderWay = written.then(
      () => this.#wasWritten(batch.seq),
      (thrown: unknown) => {
        this.#writeUnderWay = null;
        this.#feed({ kind: 'storage-failed', reason: errorMessage(thrown) });
      },
    );
  }

  #wasWritten(seq: WriteSeq): void {
    this.#writeUnderWay = null;
    if (this.#state !== 'running') return;
    this.#persistedSeq = seq;
    const held = this.#heldSends;
    this.#heldSends = held.filter((send) => send.after > seq);
    try {
      for (const { to, message, after } of held) {
        if (after <= seq) this.#options.transport.send(to, message);
      }
    } catch (thrown) {
      this.#halt(messageWithNext(thrown));
    }
    this.#feed({ kind: 'persisted', seq });
  }

  #tellListeners(core: RaftCore): void {
    if (this.#roleChanged) {
      this.#roleChanged = false;
      const status = this.status();
      for (const listener of [...this.#roleListeners]) listener(status);
    }
    if (this.#membershipChanged) {
      this.#membershipChanged = false;
      const { membership, isMembershipCommitted } = core.inspect();
      for (const listener of [...this.#membershipListeners]) listener(membership, isMembershipCommitted);
    }
    if (this.#appliedIndex > this.#toldAppliedIndex) {
      this.#toldAppliedIndex = this.#appliedIndex;
      for (const listener of [...this.#appliedListeners]) listener(this.#appliedIndex);
    }
  }

  #halt(reason: string): void {
    if (this.#state === 'halted') return;
    this.#state = 'halted';
    this.#ticker.stop();
    this.#heldSends = [];
    this.#inputs.length = 0;
    this.#nextWrite = null;
    this.#proposals.endAll(`the manager halted: ${reason}`);
    this.#proofs.endAll();
    this.#transfer.end({ kind: 'unknown', reason: `the manager halted: ${reason}` });
    this.#options.log('halted', { reason });
    this.#settleHalted(reason);
  }
}

export function createRaftNode(options: RaftNodeOptions): RaftNode {
  return new Driver(options);
}
