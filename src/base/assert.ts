/** Broken invariants. A `Bug` is never caught to go on: it ends the manager, whose store and peers are then trusted. */

export class Bug extends Error {
  constructor(sentence: string) {
    super(`bug: ${sentence}`);
    this.name = 'Bug';
  }
}

export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Bug(sentence);
}

/** Makes the compiler report a union member that a switch forgot. */
export function assertNever(value: never): never {
  throw new Bug(`unexpected ${JSON.stringify(value)}`);
}
