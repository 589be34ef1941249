/**
 * Carries out what the Raft core asks for: writes, sends, applications; and feeds it ticks, messages, proposals. It
 * decides nothing about consensus. Its invariants: one write under way, and later ones folded into the next (group
 * commit); a send leaves only after the write it names is synced; the core is stepped by one caller, never from inside
 * its own outputs; after a halt nothing is written, sent or applied any more.
 */
import { assertNever, errorMessage, HactlError, logIndex, term } from '../base/index.js';
import type { LogIndex, ManagerId, Prng } from '../base/index.js';
import { RaftCore, raftCoreDefaults, restoredFault, sessionIdCharsMax } from './core/index.js';
import type { Input, Message, Output, StoredEntry, WriteSeq } from './core/index.js';
import { SessionedStateMachine } from './sessions.js';
import { Ticker } from './ticker.js';
import type { LogStore, ProofOutcome, ProposalSession, ProposeOutcome, RaftNode, RaftStatus } from './types.js';
import type { RaftTransport, RestoredStore, StateMachine } from './types.js';
import { WaitingProofs } from './waiting-proofs.js';
import { WaitingProposals } from './waiting-proposals.js';
import { foldWrite, type WriteBatch } from './write-batch.js';

export interface RaftNodeOptions {
  readonly id: ManagerId;
  readonly voters: readonly ManagerId[];
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
  readonly log: (event: string, facts: Record<string, unknown>) => void;
}

/** Callers that may wait for proposals, and for proofs. Far above what an operator and the ha part ask for. */
const proposalsWaitingMax = 1024;
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
  readonly #proposals = new WaitingProposals();
  readonly #proofs = new WaitingProofs();
  readonly #roleListeners = new Set<(status: RaftStatus) => void>();
  readonly #appliedListeners = new Set<(index: LogIndex) => void>();
  readonly #inputs: Input[] = [];
  #settleHalted: (reason: string) => void = () => undefined;
  #state: DriverState = 'new';
  #core: RaftCore | null = null;
  #isStepping = false;
  #nextWrite: WriteBatch | null = null;
  #opening: Promise<RestoredStore> | null = null;
  #writeUnderWay: Promise<void> | null = null;
  #persistedSeq: WriteSeq = 0;
  #heldSends: HeldSend[] = [];
  #appliedIndex = logIndex(0);
  #roleChanged = false;
  #toldAppliedIndex = logIndex(0);
  #lastId = 0;

  constructor(options: RaftNodeOptions) {
    this.#options = options;
    this.halted = new Promise((resolve) => {
      this.#settleHalted = resolve;
    });
    this.#stateMachine = new SessionedStateMachine(options.stateMachine);
    const { heartbeatTicks, tickMs } = this.#timing();
    this.#ticker = new Ticker({
      tickMs,
      // What queued up during the pause is heard first, so the missed ticks age a heartbeat that was only just heard.
      // One interval is how old it can rightly be; more would take from the time left to hear the next one.
      catchUpTicksMax: heartbeatTicks,
      monotonicMs: () => options.clock.monotonicMs(),
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
    const { id, voters, store, prng } = this.#options;
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
    const config = { ...raftCoreDefaults, id, voters, electionTimeoutTicks: electionTicks, heartbeatTicks };
    this.#core = new RaftCore(config, restored, prng);
    // Stopped while the store was opening.
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#ticker.start();
  }

  async stop(): Promise<void> {
    if (this.#state !== 'halted') this.#state = 'stopped';
    this.#ticker.stop();
    this.#proposals.endAll('the manager is stopping');
    this.#proofs.endAll();
    // A store is not closed under an operation of its own; a failed open has told its caller.
    await this.#opening?.catch(() => undefined);
    await this.#writeUnderWay;
    await this.#options.store.close();
  }

  async propose(command: Uint8Array, session: ProposalSession, withinMs: number): Promise<ProposeOutcome> {
    if (this.#state !== 'running') return { kind: 'dropped', reason: 'the manager is not running' };
    if (this.#proposals.size >= proposalsWaitingMax) return { kind: 'dropped', reason: 'too many proposals wait' };
    const { id, serial } = session;
    if (id.length > sessionIdCharsMax || !Number.isSafeInteger(serial) || serial < 0) {
      return { kind: 'dropped', reason: 'the session is not valid' };
    }
    this.#lastId += 1;
    const proposalId = this.#lastId;
    const outcome = this.#proposals.add(proposalId, withinMs);
    // A copy: the entry must never change, whatever the caller does with its buffer.
    const payload = { kind: 'command', session: { id, serial }, command: Uint8Array.from(command) } as const;
    this.#feed({ kind: 'propose', proposalId, payload, nowMs: this.#options.clock.wallMs() });
    return outcome;
  }

  async proveLeadership(withinMs: number): Promise<ProofOutcome> {
    if (this.#state !== 'running') return { kind: 'not-leader', leader: null };
    this.#lastId += 1;
    const readId = this.#lastId;
    const outcome = this.#proofs.add(readId, withinMs);
    this.#feed({ kind: 'read-request', readId });
    return outcome;
  }

  status(): RaftStatus {
    const { id, voters } = this.#options;
    if (this.#core === null) {
      const none = logIndex(0);
      const indexes = { commitIndex: none, appliedIndex: none, lastIndex: none };
      return { id, role: 'follower', term: term(0), leader: null, ...indexes, voters };
    }
    const { role, term: currentTerm, leader, commitIndex, lastIndex } = this.#core.inspect();
    return { id, role, term: currentTerm, leader, commitIndex, appliedIndex: this.#appliedIndex, lastIndex, voters };
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
      this.#halt(errorMessage(thrown));
    } finally {
      this.#isStepping = false;
    }
  }

  #stepAll(): void {
    const core = this.#core;
    if (core === null) return;
    for (;;) {
      for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
        for (const output of core.step(input)) {
          // Stopped or halted by what came before.
          if (this.#state !== 'running') return;
          this.#carryOut(output);
        }
      }
      this.#startWrite();
      this.#tellListeners();
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
        const { proposalId, reason, leader } = output;
        const isElsewhere = reason === 'not-leader';
        this.#proposals.refused(proposalId, isElsewhere ? { kind: reason, leader } : { kind: 'dropped', reason });
        return;
      }
      case 'role-changed':
        this.#roleChanged = true;
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

  #startWrite(): void {
    const batch = this.#nextWrite;
    // A moved commit index alone waits for the next write that must be made anyway.
    if (batch === null || !batch.sync || this.#writeUnderWay !== null || this.#state !== 'running') return;
    this.#nextWrite = null;
    const { hardState, truncateFrom, entries } = batch;
    const written = this.#options.store.write({ hardState, truncateFrom, entries });
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
      this.#halt(errorMessage(thrown));
    }
    this.#feed({ kind: 'persisted', seq });
  }

  #tellListeners(): void {
    if (this.#roleChanged) {
      this.#roleChanged = false;
      const status = this.status();
      for (const listener of [...this.#roleListeners]) listener(status);
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
    this.#options.log('halted', { reason });
    this.#settleHalted(reason);
  }
}

export function createRaftNode(options: RaftNodeOptions): RaftNode {
  return new Driver(options);
}
