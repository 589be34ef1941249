/**
 * The `ha` channel of a manager: sends its observations and pulses to the leader, answers confirming rounds, and, while
 * it leads, collects what the others say. Everything here may be lost and is said again; nothing here is a decision.
 */
import type { ClusterName, LogIndex, ManagerId } from '../base/index.js';
import type { Observation, QuorumPort } from '../ha/index.js';
import { isMember } from '../raft/index.js';
import type { Membership, RaftNode, Timers } from '../raft/index.js';
import type { RpcNode } from '../rpc/index.js';
import type { AnswerRight } from './answer-right.js';
import { decodeHaMessage } from './ha-messages.js';
import type { HaMessage } from './ha-messages.js';
import type { Watchers } from './watchers.js';

export interface HaChannelOptions {
  readonly self: ManagerId;
  readonly raft: RaftNode;
  readonly rpc: Pick<RpcNode, 'send' | 'on'>;
  readonly watchers: Pick<Watchers, 'latest' | 'probeAll'>;
  readonly right: AnswerRight;
  readonly timers: Timers;
  readonly nowMs: () => number;
  /** This manager's own observations always; as leader, those of the others too. */
  readonly onObservation: (observation: Observation) => void;
}

interface Round {
  readonly collected: Observation[];
  readonly pending: Set<ManagerId>;
  readonly settle: () => void;
  readonly isEnough: (soFar: readonly Observation[]) => boolean;
}

/** A right is asked for several times while it lasts. */
const pulsesPerRight = 5;
/** A frame has a size; an observation is a kilobyte or two. */
const observationsPerMessage = 100;
/** A majority confirms the leader this often, so that its own right to answer never lapses while it leads. */
const proofWithinMs = 400;

export class HaChannel implements QuorumPort {
  readonly #options: HaChannelOptions;
  readonly #rounds = new Map<string, Round>();
  #endTimer: () => void = () => undefined;
  #isProving = false;
  #leader: ManagerId | null = null;

  constructor(options: HaChannelOptions) {
    this.#options = options;
  }

  get voters(): readonly ManagerId[] {
    return this.#options.raft.status().voters;
  }

  start(): void {
    const { rpc, raft } = this.#options;
    rpc.on('ha', (from, payload) => {
      const message = decodeHaMessage(payload, from);
      if (message !== null) this.#receive(from, message);
    });
    raft.onApplied(() => this.#pulse());
    raft.onRoleChange((status) => this.#followLeader(status.leader));
    const { timers, right } = this.#options;
    this.#endTimer = timers.every(right.rightMs / pulsesPerRight, () => this.#pulse());
  }

  stop(): void {
    this.#endTimer();
    for (const round of this.#rounds.values()) round.settle();
    this.#rounds.clear();
  }

  /**
   * News of this manager's own. Kept while it follows too: a new leader must know what a server was like when it
   * lived.
   */
  tell(observation: Observation): void {
    this.#options.onObservation(observation);
    const leader = this.#leader;
    if (leader === null || leader === this.#options.self) return;
    this.#send(leader, { kind: 'observations', observations: [observation] });
  }

  async confirm(
    cluster: ClusterName,
    nonce: string,
    withinMs: number,
    isEnough: (soFar: readonly Observation[]) => boolean,
  ): Promise<readonly Observation[]> {
    const { voters } = this;
    const { self, watchers, timers } = this.#options;
    const collected: Observation[] = [];
    await new Promise<void>((resolve) => {
      const endTimer = timers.after(withinMs, resolve);
      const settle = (): void => {
        endTimer();
        resolve();
      };
      this.#rounds.set(nonce, { collected, pending: new Set(voters), settle, isEnough });
      for (const voter of voters) if (voter !== self) this.#send(voter, { kind: 'confirm', nonce, cluster });
      void watchers
        .probeAll(cluster, nonce, (observation) => this.#collect(nonce, self, observation, false))
        .then(() => this.#collect(nonce, self, null, true));
    });
    this.#rounds.delete(nonce);
    return collected;
  }

  #receive(from: ManagerId, message: HaMessage): void {
    switch (message.kind) {
      case 'observations':
        if (this.#leader === this.#options.self) message.observations.forEach(this.#options.onObservation);
        return;
      case 'pulse':
        this.#grant(from, message.seq, message.appliedIndex);
        return;
      case 'pulse-ack': {
        const { term, leader } = this.#options.raft.status();
        if (message.term === term && leader === from) this.#options.right.granted(message.seq, message.commitIndex);
        return;
      }
      case 'confirm':
        void this.#answerRound(from, message.nonce, message.cluster);
        return;
      case 'confirmed':
        this.#collect(message.nonce, from, message.observation, message.isLast);
    }
  }

  async #answerRound(leader: ManagerId, nonce: string, cluster: ClusterName): Promise<void> {
    await this.#options.watchers.probeAll(cluster, nonce, (observation) =>
      this.#send(leader, { kind: 'confirmed', nonce, observation, isLast: false }),
    );
    this.#send(leader, { kind: 'confirmed', nonce, observation: null, isLast: true });
  }

  #collect(nonce: string, from: ManagerId, observation: Observation | null, isLast: boolean): void {
    const round = this.#rounds.get(nonce);
    if (round === undefined || !round.pending.has(from)) return;
    if (observation !== null && observation.nonce === nonce) round.collected.push(observation);
    if (isLast) round.pending.delete(from);
    if (round.pending.size === 0 || round.isEnough(round.collected)) round.settle();
  }

  #followLeader(leader: ManagerId | null): void {
    if (leader === this.#leader) return;
    const { right, self, raft, watchers } = this.#options;
    this.#leader = leader;
    right.forgetQuestions();
    if (leader === self) right.beginReign(grantedByFormerLeaders(raft.status().membership, self));
    this.#pulse();
    const observations = [...watchers.latest().values()];
    if (leader === null || leader === self || observations.length === 0) return;
    for (let from = 0; from < observations.length; from += observationsPerMessage) {
      const part = observations.slice(from, from + observationsPerMessage);
      this.#send(leader, { kind: 'observations', observations: part });
    }
  }

  #pulse(): void {
    const { raft, right, self } = this.#options;
    if (this.#leader === null) return;
    if (this.#leader === self) void this.#proveOwnRight();
    else {
      const appliedIndex: LogIndex = raft.status().appliedIndex;
      this.#send(this.#leader, { kind: 'pulse', seq: right.ask(), appliedIndex });
    }
  }

  async #proveOwnRight(): Promise<void> {
    if (this.#isProving) return;
    this.#isProving = true;
    try {
      const beganAtMs = this.#options.nowMs();
      const proof = await this.#options.raft.proveLeadership(proofWithinMs);
      if (proof.kind === 'leader') this.#options.right.proved(beganAtMs, proof.index);
    } finally {
      this.#isProving = false;
    }
  }

  #grant(to: ManagerId, seq: number, appliedIndex: LogIndex): void {
    const { raft, right, self } = this.#options;
    const { role, term, commitIndex, appliedIndex: ownAppliedIndex, membership } = raft.status();
    // Whoever is none of us would not be waited for by the next leader.
    if (!isMember(membership, to)) return;
    const isProvedNow = role === 'leader' && this.#leader === self && right.holds(ownAppliedIndex);
    if (right.grant(to, appliedIndex, isProvedNow)) this.#send(to, { kind: 'pulse-ack', seq, term, commitIndex });
  }

  #send(to: ManagerId, message: HaMessage): void {
    this.#options.rpc.send(to, 'ha', message);
  }
}

/**
 * Learners answer for a primary too. And the manager that was removed last, perhaps a moment ago: its right may not
 * have run out when the leadership was handed over at once.
 */
function grantedByFormerLeaders({ voters, learners, removed }: Membership, self: ManagerId): readonly ManagerId[] {
  const members = [...voters, ...learners].map((member) => member.id);
  return [...members, ...removed.slice(-1)].filter((id) => id !== self);
}
