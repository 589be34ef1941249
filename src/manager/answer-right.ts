/**
 * The right to name a primary (design section 8: a manager answers only while it heard from the leader within the last
 * 500 ms). Counted from when a manager *asked*, never from when it heard: an answer that sat in a socket for a minute
 * grants nothing. The leader's own right comes from ReadIndex, and it grants others only while it has one itself.
 *
 * Why a new leader cannot be naming another primary meanwhile: rights last at most half an election timeout, so one
 * granted on the strength of a proof begun at t0 is over by t0 + one election timeout; a majority heard the leader
 * after t0, and none of them votes for another before an election timeout has passed.
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

  /** At any change of leader or term. What was granted stays valid until it runs out (see above); questions do not. */
  forgetQuestions(): void {
    this.#sentAtMs.clear();
  }

  /** As leader: `manager` asked. True when a right may be granted; the grant is then on record. */
  grant(manager: ManagerId, appliedIndex: LogIndex, isProvedNow: boolean): boolean {
    this.#appliedBy.set(manager, Math.max(appliedIndex, this.#appliedBy.get(manager) ?? 0));
    if (!isProvedNow) return false;
    this.#grantedAtMs.set(manager, this.#options.nowMs());
    return true;
  }

  /** As leader: forgets the grants of an earlier reign of this manager. */
  beginReign(): void {
    this.#appliedBy.clear();
    this.#grantedAtMs.clear();
  }

  /**
   * As leader: how long until no manager can be naming a primary from a state older than `index`; 0 when that is so
   * now. Grants made after `index` was committed demand that it is applied, so only older ones count.
   */
  msUntilQuiet(managers: readonly ManagerId[], index: number): number {
    const nowMs = this.#options.nowMs();
    let waitMs = 0;
    for (const manager of managers) {
      if ((this.#appliedBy.get(manager) ?? 0) >= index) continue;
      const grantedAtMs = this.#grantedAtMs.get(manager);
      if (grantedAtMs === undefined) continue;
      waitMs = Math.max(waitMs, grantedAtMs + this.#options.rightMs + driftMs - nowMs);
    }
    return waitMs;
  }

  #extend(fromMs: number, index: LogIndex): void {
    this.#untilMs = Math.max(this.#untilMs, fromMs + this.#options.rightMs);
    this.#neededIndex = Math.max(this.#neededIndex, index);
  }
}

/** Rights never outlive half an election timeout. */
export function rightMsFor(electionTimeoutMs: number, wantedMs: number): number {
  return Math.min(wantedMs, electionTimeoutMs / 2);
}

