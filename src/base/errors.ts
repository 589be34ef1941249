/**
 * Errors meant for a person: what happened, why, what to do next, and a code that scripts may rely on.
 * Expected outcomes are values, not errors; a broken invariant is a `Bug` (assert.ts).
 */

/** Every code that can leave the program, with the exit code of the CLI. docs/errors.md lists the same. */
export const errorExitCodes = {
  'bad-config': 2,
  'bad-name': 2,
  'bad-request': 2,
  'bad-secret': 2,
  'store-exists': 2,
  'store-missing': 2,
  'store-faulted': 3,
  'newer-version': 3,
  'not-leader': 4,
  'no-quorum': 4,
  'unreachable': 4,
  'not-found': 5,
  'refused': 6,
  'forbidden': 7,
  'operation-failed': 8,
  'unknown-outcome': 9,
  'internal': 1,
} as const;

export type ErrorCode = keyof typeof errorExitCodes;

export interface ErrorText {
  readonly code: ErrorCode;
  /** What happened, one sentence without a full stop. */
  readonly what: string;
  /** Why it happened, as far as it is known. */
  readonly why?: string;
  /** What the person can do now. */
  readonly next?: string;
  /** Single findings, one line each: bad keys of a file, reasons of a refusal. */
  readonly details?: readonly string[];
}

export class HactlError extends Error {
  readonly code: ErrorCode;
  readonly what: string;
  readonly why: string | undefined;
  readonly next: string | undefined;
  readonly details: readonly string[];

  constructor(text: ErrorText, options?: { readonly cause?: unknown }) {
    super(text.why === undefined ? text.what : `${text.what}: ${text.why}`, options);
    this.name = 'HactlError';
    this.code = text.code;
    this.what = text.what;
    this.why = text.why;
    this.next = text.next;
    this.details = text.details ?? [];
  }

  get exitCode(): number {
    return errorExitCodes[this.code];
  }

  toJSON(): ErrorText {
    return {
      code: this.code,
      what: this.what,
      ...(this.why === undefined ? {} : { why: this.why }),
      ...(this.next === undefined ? {} : { next: this.next }),
      ...(this.details.length === 0 ? {} : { details: this.details }),
    };
  }
}

/** As one sentence for a log, with what a person is to do about it. */
export function messageWithNext(thrown: unknown): string {
  const next = thrown instanceof HactlError ? thrown.next : undefined;
  return next === undefined ? errorMessage(thrown) : `${errorMessage(thrown)}. Next: ${next}`;
}

/** The message of anything that was thrown. */
export function errorMessage(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === '' ? thrown.name : thrown.message;
  return String(thrown);
}
