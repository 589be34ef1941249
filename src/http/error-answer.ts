/** Errors as HTTP: every answer that is no success is an ErrorResponse with a status a script can use. */
import type { ErrorCode } from '../base/index.js';
import { Bug, errorMessage, HactlError } from '../base/index.js';
import type { ErrorResponse } from './api-types.js';

const statusOfCode: Readonly<Record<ErrorCode, number>> = {
  'bad-config': 400,
  'bad-name': 400,
  'bad-request': 400,
  'bad-secret': 400,
  'store-exists': 500,
  'store-missing': 500,
  'store-faulted': 500,
  'newer-version': 500,
  'not-leader': 503,
  'no-quorum': 503,
  'unreachable': 503,
  'not-found': 404,
  'refused': 409,
  'forbidden': 403,
  'operation-failed': 500,
  'unknown-outcome': 504,
  'internal': 500,
};

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorResponse;
  /** For the log; null when the caller is to blame, or the answer says it all. */
  readonly fault: string | null;
}

export function errorAnswer(thrown: unknown): ErrorAnswer {
  if (thrown instanceof HactlError) {
    return { status: statusOfCode[thrown.code], body: { error: thrown.toJSON() }, fault: null };
  }
  const status = thrown instanceof Bug ? 500 : clientFaultStatus(thrown);
  if (status !== 500) {
    const what = `the request cannot be read: ${errorMessage(thrown)}`;
    return { status, body: { error: { code: 'bad-request', what } }, fault: null };
  }
  // The text of an unexpected error may hold anything (SQL, paths): it goes to the log, not to the caller.
  const error = {
    code: 'internal',
    what: 'the manager failed to answer this request',
    why: 'an unexpected error; the manager\'s log has it',
    next: 'look at `hactl status` before you try again: the request may have had an effect',
  } as const;
  const fault = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { status: 500, body: { error }, fault };
}

/** Fastify marks what the client did wrong (no JSON, too large, wrong media type) with a status of 4xx. */
function clientFaultStatus(thrown: unknown): number {
  const { statusCode } = thrown as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
}
