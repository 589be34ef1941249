/**
 * HTTP to the managers: any of them answers, so they are tried in order, each with a short time to connect. A change
 * whose answer was lost is offered again with the same requestId, which the managers run once. Every wait ends.
 */
import type { ErrorText } from '../base/index.js';
import { errorExitCodes, HactlError } from '../base/index.js';
import { limits, urlDefault } from './limits.js';
import { Agent, request } from './quick-undici.js';
import type { Terminal } from './terminal.js';

export interface ManagersLink {
  /**
   * The first answer that `isBest` (default: any), else the first that `isGood`, else the first at all. Throws
   * HactlError. A manager that gave a best answer is asked first the next time.
   */
  get<T>(path: string, isBest?: Judge<T>, isGood?: Judge<T>): Promise<T>;
  /**
   * `body` carries its requestId, or says what shall be, so that it may be sent twice. Throws HactlError;
   * `unknown-outcome` when it may have run.
   */
  post<T>(path: string, body: object): Promise<T>;
  close(): Promise<void>;
}

export type Judge<T> = (answer: T) => boolean;

type Attempt =
  | { readonly kind: 'answered'; readonly value: unknown }
  /** The manager answered with an error. */
  | { readonly kind: 'failed'; readonly error: HactlError }
  /** Nothing was sent. */
  | { readonly kind: 'unreachable'; readonly why: string }
  /** Sent, and no answer. */
  | { readonly kind: 'lost'; readonly why: string };

const unsentCodes: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Errors that another manager, or the same one a moment later, may not have. */
const passingCodes: ReadonlySet<string> = new Set(['not-leader', 'no-quorum', 'unreachable', 'unknown-outcome']);

function badUrl(given: string, why: string): HactlError {
  return new HactlError({
    code: 'bad-request',
    what: `${JSON.stringify(given)} is not the URL of a manager`,
    why,
    next: 'write --url http://HOST:PORT, several separated by commas, or set HACTL_URL',
  });
}

/** `host:port` and whole URLs, comma-separated. Throws HactlError `bad-request`. */
export function parseUrls(given: string | undefined): readonly string[] {
  const parts = (given ?? urlDefault).split(',').map((part) => part.trim()).filter((part) => part !== '');
  if (parts.length === 0) return [urlDefault];
  if (parts.length > limits.urlsMax) throw badUrl(`${parts.length} URLs`, `at most ${limits.urlsMax} are taken`);
  return parts.map((part) => {
    let url: URL;
    try {
      url = new URL(part.includes('://') ? part : `http://${part}`);
    } catch {
      throw badUrl(part, 'it cannot be read as a URL');
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw badUrl(part, 'only http and https are spoken');
    if (url.username !== '' || url.password !== '') {
      throw badUrl(url.host, 'it holds a password; the token goes into HACTL_TOKEN_FILE or HACTL_TOKEN');
    }
    return url.origin;
  });
}

/** From HACTL_TOKEN or the file that HACTL_TOKEN_FILE names; never from the command line, which everybody can read. */
export function readToken(terminal: Terminal): string | null {
  const { HACTL_TOKEN: direct, HACTL_TOKEN_FILE: file } = terminal.env;
  if (direct !== undefined && direct !== '') return direct.trim();
  if (file === undefined || file === '') return null;
  try {
    return terminal.readFile(file).trim();
  } catch (thrown) {
    const { code } = thrown as { code?: unknown };
    throw new HactlError({
      code: 'bad-secret',
      what: `the token file ${file} cannot be read`,
      why: typeof code === 'string' ? code : 'it is not readable',
      next: 'check HACTL_TOKEN_FILE',
    });
  }
}

function serverError(url: string, status: number, value: unknown): HactlError {
  const error = (value as { error?: Partial<ErrorText> } | null)?.error;
  // An own key only: a code such as `constructor` of a stranger must not pass.
  if (typeof error?.what === 'string' && Object.hasOwn(errorExitCodes, error.code ?? '')) {
    return new HactlError(error as ErrorText);
  }
  return new HactlError({
    code: 'unreachable',
    what: `${url} answered with status ${status}, and not as a manager does`,
    next: 'check --url or HACTL_URL: it must be the `http` address of a manager',
  });
}

function faultWords(thrown: unknown): string {
  const { code, name } = thrown as { code?: unknown; name?: unknown };
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host name is not known';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'no connection in time';
  if (name === 'TimeoutError' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return 'no answer in time';
  }
  return typeof code === 'string' && !code.startsWith('UND_') ? code : 'the connection was lost';
}

class HttpManagersLink implements ManagersLink {
  readonly #terminal: Terminal;
  readonly #token: string | null;
  readonly #agent = new Agent({
    connections: 1,
    pipelining: 1,
    connect: { timeout: limits.connectMs },
    maxResponseSize: limits.answerBytesMax,
  });
  /** In the order in which they are tried. */
  #urls: readonly string[];

  constructor(urls: readonly string[], token: string | null, terminal: Terminal) {
    this.#urls = urls;
    this.#token = token;
    this.#terminal = terminal;
  }

  async #attempt(url: string, path: string, withinMs: number, body: object | null): Promise<Attempt> {
    let status: number;
    let text: string;
    try {
      const response = await request(this.#agent, new URL(path, url), {
        method: body === null ? 'GET' : 'POST',
        headersTimeout: withinMs,
        bodyTimeout: withinMs,
        signal: AbortSignal.timeout(withinMs),
        headers: {
          ...(body === null ? {} : { 'content-type': 'application/json' }),
          // Questions need no token, so it is not spread further than changes.
          ...(body === null || this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
        },
        ...(body === null ? {} : { body: JSON.stringify(body) }),
      });
      status = response.statusCode;
      text = await response.body.text();
    } catch (thrown) {
      const wasSent = !unsentCodes.has((thrown as { code?: unknown }).code);
      return { kind: wasSent ? 'lost' : 'unreachable', why: `${url}: ${faultWords(thrown)}` };
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return { kind: 'failed', error: serverError(url, status, null) };
    }
    const isSuccess = status >= 200 && status < 300 && typeof value === 'object' && value !== null;
    return isSuccess ? { kind: 'answered', value } : { kind: 'failed', error: serverError(url, status, value) };
  }

  #prefer(url: string): void {
    this.#urls = [url, ...this.#urls.filter((other) => other !== url)];
  }

  async get<T>(path: string, isBest: Judge<T> = () => true, isGood: Judge<T> = () => false): Promise<T> {
    const whys: string[] = [];
    const answers: T[] = [];
    let firstError: HactlError | null = null;
    for (const url of this.#urls) {
      const attempt = await this.#attempt(url, path, limits.readMs, null);
      if (attempt.kind === 'answered') {
        const value = attempt.value as T;
        if (isBest(value)) {
          this.#prefer(url);
          return value;
        }
        answers.push(value);
      } else if (attempt.kind === 'failed') {
        firstError ??= attempt.error;
      } else {
        whys.push(attempt.why);
      }
    }
    const answer = answers.find(isGood) ?? answers[0];
    if (answer !== undefined) return answer;
    throw firstError ?? noManager(whys);
  }

  async post<T>(path: string, body: object): Promise<T> {
    const untilMs = this.#terminal.nowMs() + limits.changeRetryMs;
    // Once an answer was lost the change may have run, whatever later attempts say, until one of them answers.
    let mayHaveRun: readonly string[] | null = null;
    for (;;) {
      let lastError: HactlError | null = null;
      const whys: string[] = [];
      for (const url of this.#urls) {
        const attempt = await this.#attempt(url, path, limits.changeMs, body);
        switch (attempt.kind) {
          case 'answered':
            this.#prefer(url);
            return attempt.value as T;
          case 'failed':
            // "Refused, one is running already" may speak of this very change, sent before.
            if (mayHaveRun !== null && attempt.error.code === 'refused') {
              throw mayRun([...mayHaveRun, attempt.error.message, ...attempt.error.details]);
            }
            if (!passingCodes.has(attempt.error.code)) throw attempt.error;
            if (attempt.error.code === 'unknown-outcome') mayHaveRun = [attempt.error.message];
            lastError = attempt.error;
            break;
          case 'lost':
            mayHaveRun = [attempt.why];
            whys.push(attempt.why);
            break;
          case 'unreachable':
            whys.push(attempt.why);
            break;
        }
      }
      // Nobody is there at all: waiting does not start a manager.
      const isHopeless = lastError === null && mayHaveRun === null;
      if (isHopeless || this.#terminal.nowMs() >= untilMs) {
        throw mayHaveRun === null ? (lastError ?? noManager(whys)) : mayRun(mayHaveRun);
      }
      await this.#terminal.sleep(limits.retryPauseMs);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

function noManager(whys: readonly string[]): HactlError {
  return new HactlError({
    code: 'unreachable',
    what: 'no manager could be reached',
    next: 'check that `hactl manager` runs, and that --url or HACTL_URL names the managers',
    details: whys,
  });
}

function mayRun(whys: readonly string[]): HactlError {
  return new HactlError({
    code: 'unknown-outcome',
    what: 'the change was sent and its answer was lost, so it may have run',
    next: 'look at `hactl status` and `hactl history` before you try again',
    details: whys,
  });
}

export function createManagersLink(urls: readonly string[], token: string | null, terminal: Terminal): ManagersLink {
  return new HttpManagersLink(urls, token, terminal);
}
