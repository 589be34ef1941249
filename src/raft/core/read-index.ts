/**
 * Reads that wait for a proof of leadership (ReadIndex, thesis 6.4). A read is parked until a round can begin; a round
 * takes all parked reads, notes the commit index and is confirmed when a majority echoed its number; its reads are then
 * ready once that index is applied. A read never joins a round that began before it: echoes already under way would
 * prove leadership at a time before the read was asked.
 */
import type { LogIndex } from '../../base/index.js';
import { readsWaitingMax } from './config.js';

export interface ReadRound {
  readonly round: number;
  readonly index: LogIndex;
  readonly readIds: readonly number[];
}

export class ReadQueue {
  #round = 0;
  #parked: number[] = [];
  #running: ReadRound | null = null;
  #confirmed: ReadRound[] = [];

  /** The number that appends carry now. */
  get round(): number {
    return this.#round;
  }

  get running(): ReadRound | null {
    return this.#running;
  }

  get hasParked(): boolean {
    return this.#parked.length > 0;
  }

  /** False: too many reads wait. */
  park(readId: number): boolean {
    if (this.#waiting() >= readsWaitingMax) return false;
    this.#parked.push(readId);
    return true;
  }

  begin(commitIndex: LogIndex): void {
    this.#round += 1;
    this.#running = { round: this.#round, index: commitIndex, readIds: this.#parked };
    this.#parked = [];
  }

  confirm(): void {
    if (this.#running !== null) this.#confirmed.push(this.#running);
    this.#running = null;
  }

  takeReady(appliedIndex: LogIndex): readonly ReadRound[] {
    const ready = this.#confirmed.filter((round) => round.index <= appliedIndex);
    this.#confirmed = this.#confirmed.filter((round) => round.index > appliedIndex);
    return ready;
  }

  /** All reads that wait, in the order they were asked; none waits after that. */
  abandon(): readonly number[] {
    const running = this.#running === null ? [] : [this.#running];
    const readIds = [...[...this.#confirmed, ...running].flatMap((round) => round.readIds), ...this.#parked];
    this.#parked = [];
    this.#running = null;
    this.#confirmed = [];
    return readIds;
  }

  #waiting(): number {
    const inRounds = this.#confirmed.reduce((sum, round) => sum + round.readIds.length, 0);
    return inRounds + (this.#running?.readIds.length ?? 0) + this.#parked.length;
  }
}
