/**
 * A value that must not be seen: it prints as "[secret]" in JSON, in logs and in an inspector. `reveal` is called only
 * where the value leaves for the server it belongs to.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  /** Node's util.inspect asks for this key; the symbol is written out so that this folder needs no Node types. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}
