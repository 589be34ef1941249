/**
 * How an action on a server can fail. The difference that matters: `unknown` means that a statement may or may not have
 * run (the connection went away after it was sent), so whoever acts must look again and never assume.
 */
export type ActionFailure =
  /** Not sent: no connection could be made. Nothing changed. */
  | 'unreachable'
  /** Sent, and no answer came. It may have run, may still run. */
  | 'unknown'
  /** The server answered with an error: nothing changed by this statement. */
  | 'rejected'
  /** A higher epoch holds the server. This leader is deposed: give up. */
  | 'fenced';

export class ActionError extends Error {
  readonly failure: ActionFailure;
  /** The server's error number, where it gave one. */
  readonly serverErrno: number | null;
  /** With `fenced`: the epoch that was found, where it can be told. */
  readonly higherEpoch: number | null;

  constructor(
    failure: ActionFailure,
    sentence: string,
    options?: { readonly cause?: unknown; readonly serverErrno?: number; readonly higherEpoch?: number },
  ) {
    super(sentence, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ActionError';
    this.failure = failure;
    this.serverErrno = options?.serverErrno ?? null;
    this.higherEpoch = options?.higherEpoch ?? null;
  }
}
