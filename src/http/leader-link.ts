/**
 * A follower's calls to the leader. One hop only: what is forwarded carries a mark and is never forwarded again. Every
 * call ends by a deadline, and a connection lost after sending is `unknown-outcome`, never a guess.
 */
import { Agent, request } from 'undici';
import { HactlError } from '../base/index.js';
import { limits } from './limits.js';

export const forwardedHeader = 'hactl-forwarded';

export interface LeaderCall {
  readonly leader: string;
  readonly url: string;
  readonly path: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

export interface LeaderReply {
  readonly status: number;
  /** JSON, as the leader wrote it. */
  readonly text: string;
}

export interface LeaderLink {
  /** Throws HactlError: `unreachable` when nothing was sent, `unknown-outcome` when the answer did not come. */
  post(call: LeaderCall): Promise<LeaderReply>;
  close(): Promise<void>;
}

/** Errors of making the connection: nothing was sent. */
const unsentCodes: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export function createLeaderLink(totalMs: number = limits.forwardTotalMs): LeaderLink {
  const agent = new Agent({
    connections: limits.forwardConnectionsMax,
    pipelining: 1,
    connect: { timeout: limits.forwardConnectMs },
    headersTimeout: totalMs,
    bodyTimeout: totalMs,
    maxResponseSize: limits.answerBytesMax,
  });
  return {
    post: async (call) => {
      try {
        const response = await request(new URL(call.path, call.url), {
          method: 'POST',
          dispatcher: agent,
          signal: AbortSignal.timeout(totalMs),
          headers: {
            'content-type': 'application/json',
            [forwardedHeader]: '1',
            ...(call.authorization === undefined ? {} : { authorization: call.authorization }),
          },
          body: JSON.stringify(call.body),
        });
        return { status: response.statusCode, text: await response.body.text() };
      } catch (thrown) {
        throw leaderFault(call.leader, thrown);
      }
    },
    close: () => agent.destroy(),
  };
}

function leaderFault(leader: string, thrown: unknown): HactlError {
  const { code, name } = thrown as { code?: unknown; name?: unknown };
  const why = typeof code === 'string' ? code : name === 'TimeoutError' ? 'no answer in time' : 'connection lost';
  if (unsentCodes.has(code)) {
    return new HactlError({
      code: 'unreachable',
      what: `the leader ${leader} cannot be reached from here`,
      why,
      next: 'nothing was changed; try again in a moment, a new leader may be on its way',
    });
  }
  return new HactlError({
    code: 'unknown-outcome',
    what: `the request was sent to the leader ${leader} and its answer never came`,
    why,
    next: 'ask again, with the same requestId if it carries one: it does not run twice',
  });
}
