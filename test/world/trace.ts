/** What happened, one line per event: read by people after a failure, and hashed to show that a seed replays. */
import { createHash } from 'node:crypto';

export class Trace {
  readonly #nowMs: () => number;
  readonly #lines: string[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** `who` is a manager, a server or a part of the world. */
  say(who: string, sentence: string): void {
    this.#lines.push(`${this.#nowMs().toFixed(2).padStart(10)} ${who.padEnd(6)} ${sentence}`);
  }

  /** The last `count` lines. */
  text(count = 200): string {
    return this.#lines.slice(-count).join('\n');
  }

  has(part: string): boolean {
    return this.#lines.some((line) => line.includes(part));
  }

  hash(): string {
    return createHash('sha256').update(this.#lines.join('\n')).digest('hex');
  }
}
