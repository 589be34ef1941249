/**
 * Statements of an action, with their failures in the words of an action: what was sent and not answered is `unknown`,
 * and after that the session is dead. No message made here repeats a statement: it may hold a password.
 */
import { ActionError, type ServerFacts } from '../base/index.js';
import { mayBeHalfDone, SqlFailure } from './classify.js';
import { readFacts } from './facts.js';
import { limits } from './limits.js';
import type { Row } from './row.js';
import type { Session } from './session.js';

/** `doing` completes the sentence "<server>: cannot ...". */
export function actionError(thrown: unknown, server: string, doing: string): ActionError {
  if (thrown instanceof ActionError) return thrown;
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

  constructor(session: Session, server: string) {
    this.session = session;
    this.server = server;
  }

  async run(doing: string, sql: string, options: RunOptions = {}): Promise<readonly Row[]> {
    const { values = [], withinMs = limits.statementMs, isSecret = false } = options;
    try {
      return await this.session.query(sql, { values, withinMs, isSecret });
    } catch (thrown) {
      throw this.#failed(thrown, doing);
    }
  }

  async row(doing: string, sql: string, options: RunOptions = {}): Promise<Row> {
    const rows = await this.run(doing, sql, options);
    return rows[0] ?? {};
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
