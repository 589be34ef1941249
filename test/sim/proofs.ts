/**
 * When a manager proved its leadership, as its `ha` side asked for it: what an action on a server has to rest on. A
 * proof is fresh for whoever acts at once; a process that slept in between is excused, a proof that began before
 * another leader took over is too: nobody can know better.
 */
import type { RaftNode } from '../../src/raft/index.js';
import type { EventQueue } from '../world/event-queue.js';
import type { ManagerProcess } from '../world/manager-process.js';

export interface Proof {
  readonly beganAtMs: number;
  readonly doneAtMs: number;
}

/** What the log port waits for a proof, at least: the channel's own proofs, for the right to answer, are shorter. */
const actingProofMs = 1000;

export class Proofs {
  /** The node, with its proofs noted. */
  readonly raft: RaftNode;
  readonly #done: Proof[] = [];
  readonly #process: ManagerProcess;
  readonly #queue: EventQueue;

  constructor(queue: EventQueue, process: ManagerProcess, raft: RaftNode) {
    this.#queue = queue;
    this.#process = process;
    this.raft = new Proxy(raft, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (key === 'proveLeadership') return (withinMs: number) => this.#prove(target, withinMs);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  /** The last one before a moment. */
  before(atMs: number): Proof | null {
    return this.#done.findLast((proof) => proof.doneAtMs <= atMs) ?? null;
  }

  /** Did the process stand still between the two? */
  sleptBetween(fromMs: number, toMs: number): boolean {
    return this.#process.pauses.some((pause) => pause.fromMs <= toMs && pause.toMs >= fromMs);
  }

  async #prove(raft: RaftNode, withinMs: number): ReturnType<RaftNode['proveLeadership']> {
    const beganAtMs = this.#queue.nowMs;
    const outcome = await raft.proveLeadership(withinMs);
    if (outcome.kind === 'leader' && withinMs >= actingProofMs) {
      this.#done.push({ beganAtMs, doneAtMs: this.#queue.nowMs });
    }
    return outcome;
  }
}
