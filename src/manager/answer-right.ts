/**
 * The right to name a primary (design section 8: a manager answers only while it heard from the leader within the last
 * 500 ms). Counted from when a manager *asked*, never from when it heard: an answer that sat in a socket for a minute
 * grants nothing. The leader's own right comes from ReadIndex, and it grants others only while it has one itself.
 *
 * Why a new leader cannot publish while another manager names the old primary: whatever was granted in an earlier reign
 * goes back to a proof that began before this reign did (afterwards a majority stands in the new term, and no older
 * leader can prove anything). A right lasts `rightMs` from the proof, and one granted on the strength of it as long
 * again. So `beginReign` counts every other manager as granted until then, unless it reports what it has applied. This
 * leans on no timer of any other process.
 */
import type { LogIndex, ManagerId } from '../base/index.js';

export interface AnswerRightOptions {
  readonly rightMs: number;
  readonly nowMs: () => number;
}

/** Slack for timers and for clocks that run at slightly different speeds. */
const driftMs = 50;

export class AnswerRight {
  readonly #options: AnswerRightOptions;
  /** When each pulse that waits for its answer was sent; at most a right's worth of them. */
  readonly #sentAtMs = new Map<number, number>();
  #seq = 0;
  #untilMs = -Infinity;
  #neededIndex = 0;
  /** As leader: what each manager said it has applied, and when it was last granted a right. */
  readonly #appliedBy = new Map<ManagerId, number>();
  readonly #grantedAtMs = new Map<ManagerId, number>();

  constructor(options: AnswerRightOptions) {
    this.#options = options;
  }

  get rightMs(): number {
    return this.#options.rightMs;
  }

  /** A new question to the leader: its number. */
  ask(): number {
    const nowMs = this.#options.nowMs();
    for (const [seq, sentAtMs] of this.#sentAtMs) {
      if (nowMs - sentAtMs > this.#options.rightMs) this.#sentAtMs.delete(seq);
    }
    this.#seq += 1;
    this.#sentAtMs.set(this.#seq, nowMs);
    return this.#seq;
  }

  /** The leader's answer. Late ones and those to another question are worth nothing. */
  granted(seq: number, commitIndex: LogIndex): void {
    const sentAtMs = this.#sentAtMs.get(seq);
    if (sentAtMs === undefined) return;
    this.#sentAtMs.delete(seq);
    this.#extend(sentAtMs, commitIndex);
  }

  /** As leader: leadership was proved by a round that began at `beganAtMs`. */
  proved(beganAtMs: number, index: LogIndex): void {
    this.#extend(beganAtMs, index);
  }

  /** May this manager, having applied `appliedIndex`, name a primary now? */
  holds(appliedIndex: LogIndex): boolean {
    return this.#options.nowMs() < this.#untilMs && appliedIndex >= this.#neededIndex;
  }

  /** At any change of leader or term: an answer to an old question grants nothing. */
  forgetQuestions(): void {
    this.#sentAtMs.clear();
  }

  /** As leader: `manager` asked. True when a right may be granted; the grant is then on record. */
  grant(manager: ManagerId, appliedIndex: LogIndex, isProvedNow: boolean): boolean {
    this.#appliedBy.set(manager, Math.max(appliedIndex, this.#appliedBy.get(manager) ?? 0));
    if (!isProvedNow) return false;
    this.#grantedAtMs.set(manager, Math.max(this.#options.nowMs(), this.#grantedAtMs.get(manager) ?? 0));
    return true;
  }

  /** As leader, when its reign begins. What it holds as a follower ends: it grants on proofs of its own only. */
  beginReign(others: readonly ManagerId[]): void {
    this.#untilMs = -Infinity;
    this.#appliedBy.clear();
    this.#grantedAtMs.clear();
    const inheritedAtMs = this.#options.nowMs() + this.#options.rightMs;
    for (const manager of others) this.#grantedAtMs.set(manager, inheritedAtMs);
  }

  /**
   * As leader: how long until no manager can be naming a primary from a state older than `index`, which is committed; 0
   * when that is so now. To be asked again only for who has applied it meanwhile: rights granted from now on demand
   * that `index` is applied, so they prolong nothing.
   */
  msUntilQuiet(index: number): number {
    const nowMs = this.#options.nowMs();
    let waitMs = 0;
    for (const [manager, grantedAtMs] of this.#grantedAtMs) {
      if ((this.#appliedBy.get(manager) ?? 0) >= index) continue;
      waitMs = Math.max(waitMs, grantedAtMs + this.#options.rightMs + driftMs - nowMs);
    }
    return waitMs;
  }

  #extend(fromMs: number, index: LogIndex): void {
    this.#untilMs = Math.max(this.#untilMs, fromMs + this.#options.rightMs);
    this.#neededIndex = Math.max(this.#neededIndex, index);
  }
}

/** A manager that loses its leader answers 503 within this time, which need not be longer than noticing it takes. */
export function rightMsFor(electionTimeoutMs: number, wantedMs: number): number {
  return Math.min(wantedMs, electionTimeoutMs / 2);
}

