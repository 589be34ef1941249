/** What the log's own clients were promised: once, never lost, and a proven leader has seen all of it. */
export class LedgerChecks {
  readonly #note: (sentence: string) => void;
  readonly #ran = new Set<number>();
  readonly #acknowledged = new Set<number>();

  constructor(note: (sentence: string) => void) {
    this.#note = note;
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Committed, as seen for the first time anywhere. */
  ran(number: number): void {
    if (this.#ran.has(number)) this.#note(`once: command ${number} ran twice`);
    this.#ran.add(number);
  }

  acknowledge(number: number): void {
    if (!this.#ran.has(number)) this.#note(`acknowledged: command ${number} was, and it never ran`);
    this.#acknowledged.add(number);
  }

  /** What must be seen by a read that begins now. */
  snapshotOfAcknowledged(): number {
    return this.#acknowledged.size;
  }

  read(ledger: readonly number[], acknowledgedBefore: number): void {
    const seen = new Set(ledger);
    let at = 0;
    for (const number of this.#acknowledged) {
      if (at >= acknowledgedBefore) return;
      at += 1;
      if (seen.has(number)) continue;
      this.#note(`reads: a proven leader has not applied command ${number}, which was acknowledged before`);
      return;
    }
  }
}
