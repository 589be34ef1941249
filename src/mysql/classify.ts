/**
 * What went wrong on the way to a server, in one place: a probe's word for it (`refused`, `hung`, `alive`, ...) and
 * whether a statement may have run. A server that answers anything at all is alive; only silence and closed ports are
 * misses; what is the observer's own fault is `unknown`. Nothing made here may contain a statement's text: it can hold
 * a password.
 */
import type { ProbeKind } from '../base/index.js';

export type FailureKind = Exclude<ProbeKind, 'ok'>;

/** How far the connection had come when it failed. */
export type Phase =
  /** The host's name has no address yet. */
  | 'resolving'
  /** No TCP connection yet. */
  | 'connecting'
  /** TCP is up, which the kernel does alone: the server has said nothing yet. */
  | 'greeting'
  /** The server has spoken: a thread of its own is at work for us. Not logged in yet. */
  | 'authenticating'
  /** Logged in. */
  | 'established';

export interface FailureText {
  readonly kind: FailureKind;
  /** For `alive`: a stable word (`denied`, `too many connections`, ...). Else the kind again. */
  readonly reason: string;
  readonly detail: string;
  /** The server's error number, when the failure is an answer of the server. */
  readonly errno: number | null;
  /** A statement was handed to the connection before this happened. */
  readonly isSent: boolean;
  /** Where it stood when time ran out; absent where something else ended it. */
  readonly silentIn?: Phase | null;
}

/** Thrown by sessions. Its callers turn it into a ProbeOutcome or an ActionError; it never leaves this folder. */
export class SqlFailure extends Error {
  readonly kind: FailureKind;
  readonly reason: string;
  readonly errno: number | null;
  readonly isSent: boolean;
  readonly silentIn: Phase | null;

  constructor(text: FailureText) {
    super(text.detail);
    this.name = 'SqlFailure';
    this.kind = text.kind;
    this.reason = text.reason;
    this.errno = text.errno;
    this.isSent = text.isSent;
    this.silentIn = text.silentIn ?? null;
  }

  /** The same failure, as it is for another statement. */
  whenSent(isSent: boolean): SqlFailure {
    const { kind, reason, message: detail, errno, silentIn } = this;
    return new SqlFailure({ kind, reason, detail, errno, isSent, silentIn });
  }
}

const kindByCode: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  PROTOCOL_CONNECTION_LOST: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'timeout',
  EHOSTDOWN: 'timeout',
  // From here on the observer's own machine is short of something, or its resolver is.
  ENOTFOUND: 'unknown',
  EAI_AGAIN: 'unknown',
  EAI_FAIL: 'unknown',
  EMFILE: 'unknown',
  ENFILE: 'unknown',
  ENOBUFS: 'unknown',
  ENOMEM: 'unknown',
  EADDRNOTAVAIL: 'unknown',
  ENETDOWN: 'unknown',
  ENETUNREACH: 'unknown',
  EACCES: 'unknown',
  EPERM: 'unknown',
};

/** Stable words for the answers that a monitor meets. Every other number is `error <number>`. */
const reasonByErrno: Readonly<Record<number, string>> = {
  1040: 'too many connections',
  1044: 'denied',
  1045: 'denied',
  1053: 'shutting down',
  1129: 'host blocked',
  1130: 'host not allowed',
  1142: 'denied',
  1203: 'too many connections',
  1226: 'too many connections',
  1227: 'denied',
  1251: 'authentication',
  1290: 'read-only',
  1317: 'interrupted',
  1524: 'authentication',
  1820: 'password expired',
  1862: 'password expired',
  1836: 'read-only',
  3032: 'offline',
  3118: 'account locked',
  3159: 'needs TLS',
  3169: 'session killed',
  3955: 'account locked',
  4031: 'session idle',
};

/** After these the server closes the connection. */
const closingErrnos: ReadonlySet<number> = new Set([1053, 1927, 3032, 3169, 4031]);

/**
 * The server answers with an error although the work may go on or may be half done: the statement was interrupted
 * (1053, 1317, 1927, 3024, 3169), or STOP REPLICA was given up waiting for while the thread still stops (1875, 1876).
 */
const halfDoneErrnos: ReadonlySet<number> = new Set([1053, 1317, 1875, 1876, 1927, 3024, 3169]);

export const endsSession = (errno: number): boolean => closingErrnos.has(errno);
export const mayBeHalfDone = (errno: number): boolean => halfDoneErrnos.has(errno);

interface Raw {
  readonly code: string;
  readonly errno: number | null;
  readonly message: string;
}

function readRaw(thrown: unknown): Raw {
  if (typeof thrown !== 'object' || thrown === null) return { code: '', errno: null, message: String(thrown) };
  const given = thrown as Readonly<Record<string, unknown>>;
  const code = typeof given['code'] === 'string' ? given['code'] : '';
  const message = typeof given['message'] === 'string' && given['message'] !== '' ? given['message'] : code;
  // Only an error packet has sqlMessage. A system error has an errno too, of the operating system's kind.
  const isPacket = typeof given['sqlMessage'] === 'string' && typeof given['errno'] === 'number';
  return { code, errno: isPacket ? (given['errno'] as number) : null, message };
}

/**
 * A name with several addresses fails with all their errors together. `refused` must then hold for each of them: one
 * address that only timed out may be where the server lives. What is our own fault tells only where nothing else does:
 * most managers without IPv6 would otherwise never see a server die whose name has such an address too.
 */
function telling(thrown: unknown): unknown {
  const errors = typeof thrown === 'object' && thrown !== null ? (thrown as { errors?: unknown }).errors : undefined;
  if (!Array.isArray(errors) || errors.length === 0) return thrown;
  const kindOf = (error: unknown): FailureKind => kindByCode[readRaw(error).code] ?? 'unknown';
  const isTold = (error: unknown): boolean => kindOf(error) !== 'unknown';
  return errors.find((error) => isTold(error) && kindOf(error) !== 'refused') ?? errors.find(isTold) ?? errors[0];
}

export interface ClassifyOptions {
  readonly phase: Phase;
  readonly isSent: boolean;
  /** The statement carries a password: the server's message may quote it, so only its number is kept. */
  readonly isSecret?: boolean;
}

export function classify(thrown: unknown, options: ClassifyOptions): SqlFailure {
  if (thrown instanceof SqlFailure) return thrown;
  const { code, errno, message } = readRaw(telling(thrown));
  const { isSent } = options;
  if (errno !== null) {
    const reason = reasonByErrno[errno] ?? `error ${errno}`;
    const told = options.isSecret === true ? `${code === '' ? 'error' : code} (message withheld)` : message;
    return new SqlFailure({ kind: 'alive', reason, detail: `error ${errno}: ${told}`, errno, isSent });
  }
  const kind = kindByCode[code];
  const isDialling = options.phase === 'resolving' || options.phase === 'connecting';
  if (kind === 'timeout' && !isDialling) {
    // The kernel gave up on a connection that once stood: the host fell silent.
    return new SqlFailure({ kind, reason: kind, detail: `connection lost: ${message}`, errno: null, isSent });
  }
  if (kind !== undefined) {
    const silentIn = code === 'ETIMEDOUT' ? options.phase : null;
    return new SqlFailure({ kind, reason: kind, detail: message, errno: null, isSent, silentIn });
  }
  if (isDialling) {
    return new SqlFailure({ kind: 'unknown', reason: 'unknown', detail: message, errno: null, isSent });
  }
  // Bytes came that make no sense to us (authentication plugin, TLS, protocol): somebody is there.
  const detail = `${options.isSecret === true ? code : message}`;
  return new SqlFailure({ kind: 'alive', reason: 'protocol', detail, errno: null, isSent });
}

/** The deadline came and the server had said nothing. */
export function silence(phase: Phase, afterMs: number, isSent: boolean): SqlFailure {
  const ms = Math.round(afterMs);
  if (phase === 'resolving') {
    // A slow resolver says nothing about the server.
    const detail = `the host's name had no address within ${ms} ms`;
    return new SqlFailure({ kind: 'unknown', reason: 'unknown', detail, errno: null, isSent });
  }
  if (phase === 'connecting') {
    const detail = `no TCP connection within ${ms} ms`;
    return new SqlFailure({ kind: 'timeout', reason: 'timeout', detail, errno: null, isSent, silentIn: phase });
  }
  const detail = {
    greeting: `TCP connection accepted, no greeting within ${ms} ms`,
    authenticating: `greeting received, no login within ${ms} ms`,
    established: `logged in, statement not finished within ${ms} ms`,
  }[phase];
  return new SqlFailure({ kind: 'hung', reason: 'hung', detail, errno: null, isSent, silentIn: phase });
}
