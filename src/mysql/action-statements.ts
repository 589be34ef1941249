/**
 * Statements of an action, with their failures in the words of an action: what was sent and not answered is `unknown`,
 * and after that the session is dead. No message made here repeats a statement: it may hold a password.
 */
import { ActionError, type ServerFacts } from '../base/index.js';
import { mayBeHalfDone, SqlFailure } from './classify.js';
import { readFacts } from './facts.js';
import { limits } from './limits.js';
import { BadRow, type Row } from './row.js';
import type { Session } from './session.js';
import { nowMs } from './timers.js';

/** `doing` completes the sentence "<server>: cannot ...". */
export function actionError(thrown: unknown, server: string, doing: string): ActionError {
  if (thrown instanceof ActionError) return thrown;
  // The answer came, so nothing is unknown about the statement; only nothing can be concluded from it.
  if (thrown instanceof BadRow) return new ActionError('rejected', `${server}: cannot ${doing}: ${thrown.message}`);
  if (!(thrown instanceof SqlFailure)) throw thrown;
  const { errno, isSent, message } = thrown;
  // The failure itself is no `cause`: its text is in the sentence, and nothing else of it may get into a log.
  if (errno !== null) {
    const failure = isSent && mayBeHalfDone(errno) ? 'unknown' : 'rejected';
    return new ActionError(failure, `${server}: cannot ${doing}: ${message}`, { serverErrno: errno });
  }
  if (isSent) return new ActionError('unknown', `${server}: no answer while trying to ${doing}: ${message}`);
  return new ActionError('unreachable', `${server}: cannot ${doing}: ${message}`);
}

export interface RunOptions {
  readonly values?: readonly (string | number)[];
  readonly withinMs?: number;
  readonly isSecret?: boolean;
}

export class ActionStatements {
  readonly session: Session;
  readonly server: string;
  readonly #endsAtMs: number;

  /** `endsAtMs`: a deadline of all statements together, on top of their own. */
  constructor(session: Session, server: string, endsAtMs = Infinity) {
    this.session = session;
    this.server = server;
    this.#endsAtMs = endsAtMs;
  }

  async run(doing: string, sql: string, options: RunOptions = {}): Promise<readonly Row[]> {
    const { values = [], isSecret = false } = options;
    const leftMs = this.#endsAtMs - nowMs();
    if (leftMs <= 0) throw new ActionError('unreachable', `${this.server}: no time was left to ${doing}`);
    const withinMs = Math.min(options.withinMs ?? limits.statementMs, leftMs);
    try {
      return await this.session.query(sql, { values, withinMs, isSecret });
    } catch (thrown) {
      throw this.#failed(thrown, doing);
    }
  }

  /** Runs and decodes; an answer that cannot be read is `rejected`. */
  async read<T>(
    doing: string,
    sql: string,
    decode: (rows: readonly Row[]) => T,
    options: RunOptions = {},
  ): Promise<T> {
    const rows = await this.run(doing, sql, options);
    try {
      return decode(rows);
    } catch (thrown) {
      throw this.#failed(thrown, doing);
    }
  }

  /** The same for a single row; no row is an empty one. */
  readRow<T>(doing: string, sql: string, decode: (row: Row) => T, options: RunOptions = {}): Promise<T> {
    return this.read(doing, sql, (rows) => decode(rows[0] ?? {}), options);
  }

  async look(withinMs: number = limits.statementMs): Promise<ServerFacts> {
    try {
      return await readFacts(this.session, withinMs);
    } catch (thrown) {
      throw this.#failed(thrown, 'look');
    }
  }

  /** The server is not in the state that the action needs; nothing was sent that changes it. */
  refuse(sentence: string): ActionError {
    return new ActionError('rejected', `${this.server}: ${sentence}`);
  }

  #failed(thrown: unknown, doing: string): ActionError {
    const error = actionError(thrown, this.server, doing);
    if (error.failure === 'unknown') this.session.close();
    return error;
  }
}

/** Runs and swallows the named error numbers: true when it ran, false when the server said one of them. */
export async function unless(errnos: readonly number[], work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (thrown) {
    const errno = thrown instanceof ActionError ? thrown.serverErrno : null;
    if (errno === null || !errnos.includes(errno)) throw thrown;
    return false;
  }
}
