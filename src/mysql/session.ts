/**
 * One connection to one server, with the driver's traps closed: deadlines outside the driver, the socket itself
 * destroyed when one expires (unless its owner is patient), one statement at a time, news of a closed connection at
 * once. A session never reconnects and never repeats a statement; whoever lost it opens a new one and looks. Every
 * failure is a SqlFailure.
 */
import net from 'node:net';
import { createConnection, type Connection } from 'mysql2';
import { assert, type Secret, type ServerAddress } from '../base/index.js';
import { classify, endsSession, silence, SqlFailure, type Phase } from './classify.js';
import { flavorOf, type Flavor } from './flavors/index.js';
import { limits } from './limits.js';
import type { Row } from './row.js';
import { after, nowMs } from './timers.js';

export interface SessionOptions {
  readonly address: ServerAddress;
  readonly user: string;
  readonly password: Secret;
  /** For everything until the session can be used. */
  readonly withinMs: number;
  /** Connection attributes: what other sessions can see of this one. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface StatementOptions {
  readonly values?: readonly (string | number)[];
  readonly withinMs: number;
  /** The text holds a password: nothing of the server's message may be repeated. */
  readonly isSecret?: boolean;
  /** The deadline ends the statement for its caller only: the session goes on waiting for the answer. */
  readonly isPatient?: boolean;
}

function dial(options: SessionOptions): { connection: Connection; socket: net.Socket } {
  const { host, port } = options.address;
  const socket = net.connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: limits.keepAliveInitialDelayMs,
  });
  const connection = createConnection({
    // Our own socket: the driver's destroy() only ends it, which lingers on a dead peer.
    stream: () => socket,
    user: options.user,
    password: options.password.reveal(),
    charset: 'UTF8MB4_GENERAL_CI',
    // The driver's own timers stay out of the way; the deadline is ours.
    connectTimeout: 0,
    flags: ['-LOCAL_FILES'],
    multipleStatements: false,
    disableEval: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    stringifyObjects: true,
    timezone: 'Z',
    connectAttributes: { program_name: 'hactl', ...options.attributes },
  });
  return { connection, socket };
}

export class Session {
  readonly flavor: Flavor;
  readonly serverVersion: string;
  readonly #connection: Connection;
  readonly #socket: net.Socket;
  #lost: SqlFailure | null = null;
  #failStatement: ((failure: SqlFailure) => void) | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #onNews: (() => void) | null = null;
  #isHanging = false;

  private constructor(connection: Connection, socket: net.Socket, serverVersion: string, flavor: Flavor) {
    this.#connection = connection;
    this.#socket = socket;
    this.serverVersion = serverVersion;
    this.flavor = flavor;
    const lose = (thrown: unknown): void =>
      this.#lose(classify(thrown, { phase: 'established', isSent: false }));
    const closed = { code: 'PROTOCOL_CONNECTION_LOST', message: 'the server closed the connection' };
    connection.on('error', lose);
    socket.on('error', lose);
    // `end` comes with the peer's FIN, before `close`: the first sign that a killed mysqld gives.
    socket.on('end', () => lose(closed));
    socket.on('close', () => lose(closed));
    if (socket.destroyed || socket.readableEnded) lose(closed);
  }

  /** Logged in and begun. */
  static async open(options: SessionOptions): Promise<Session> {
    const begunAtMs = nowMs();
    const session = await Session.logIn(options);
    try {
      await session.begin({ withinMs: options.withinMs - (nowMs() - begunAtMs) });
    } catch (thrown) {
      session.close();
      throw thrown;
    }
    return session;
  }

  /** Logged in only: `begin` must come before anything else. For whoever holds on to a session that hangs there. */
  static async logIn(options: SessionOptions): Promise<Session> {
    const { connection, socket, serverVersion } = await logIn(options);
    const flavor = flavorOf(serverVersion);
    if (flavor === null) {
      socket.destroy();
      const detail = `version ${serverVersion} is not supported`;
      throw new SqlFailure({ kind: 'alive', reason: 'unsupported version', detail, errno: null, isSent: false });
    }
    return new Session(connection, socket, serverVersion, flavor);
  }

  async begin(options: Pick<StatementOptions, 'withinMs' | 'isPatient'>): Promise<void> {
    try {
      await this.query(this.flavor.statements.beginSession, options);
    } catch (thrown) {
      // Nothing that a caller asked for was sent.
      throw thrown instanceof SqlFailure ? thrown.whenSent(false) : thrown;
    }
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** A patient statement is still not answered: nothing else can be sent. */
  get isHanging(): boolean {
    return this.#isHanging && this.#lost === null;
  }

  /**
   * Called at once when the connection goes away without `close` having been called, and when a hanging statement is
   * answered after all.
   */
  onNews(listener: () => void): void {
    this.#onNews = listener;
  }

  /** Statements run one after another; the deadline of each begins when it is sent. */
  query(sql: string, options: StatementOptions): Promise<readonly Row[]> {
    assert(this.#queued < limits.queuedStatementsMax, 'more statements wait on a session than its bound');
    assert(!this.isHanging, 'a statement is sent behind one that hangs');
    this.#queued += 1;
    const run = this.#tail.then(() => this.#send(sql, options)).finally(() => {
      this.#queued -= 1;
    });
    this.#tail = run.catch(() => undefined);
    return run;
  }

  /** The single row of the answer. */
  async row(sql: string, options: StatementOptions): Promise<Row> {
    const rows = await this.query(sql, options);
    return rows[0] ?? {};
  }

  /** Ends the session. An idle one says goodbye first, so that the server does not count an aborted client. */
  close(): void {
    const isIdle = this.#failStatement === null && this.#lost === null && !this.#isHanging;
    const detail = 'the session was closed here';
    this.#onNews = null;
    if (!isIdle) {
      this.#lose(new SqlFailure({ kind: 'unknown', reason: 'closed', detail, errno: null, isSent: false }));
      return;
    }
    this.#lost = new SqlFailure({ kind: 'unknown', reason: 'closed', detail, errno: null, isSent: false });
    this.#connection.end(() => undefined);
    setTimeout(() => this.#socket.destroy(), limits.goodbyeMs).unref();
  }

  #send(sql: string, options: StatementOptions): Promise<readonly Row[]> {
    const lost = this.#lost;
    if (lost !== null) {
      const { kind, reason, message: detail } = lost;
      // Without a number: this statement was not answered.
      return Promise.reject(new SqlFailure({ kind, reason, detail, errno: null, isSent: false }));
    }
    return new Promise((resolve, reject) => {
      const fail = (failure: SqlFailure): void => {
        deadline.cancel();
        this.#failStatement = null;
        reject(failure);
      };
      const deadline = after(options.withinMs, () => {
        const failure = silence('established', options.withinMs, true);
        if (options.isPatient !== true) {
          this.#lose(failure);
          return;
        }
        this.#isHanging = true;
        fail(failure);
      });
      this.#failStatement = fail;
      const values = options.values === undefined ? [] : [...options.values];
      this.#connection.query({ sql, values }, (error, result) => {
        // A statement that was given up is answered with a late error by the driver: nobody waits any more.
        if (this.#failStatement !== fail) {
          this.#hearLate(error);
          return;
        }
        if (error === null) {
          deadline.cancel();
          this.#failStatement = null;
          resolve(Array.isArray(result) ? (result as unknown as readonly Row[]) : []);
          return;
        }
        const isSecret = options.isSecret ?? false;
        const failure = classify(error, { phase: 'established', isSent: true, isSecret });
        fail(failure);
        if (failure.errno === null || endsSession(failure.errno)) this.#lose(failure);
      });
    });
  }

  #hearLate(error: unknown): void {
    if (!this.isHanging) return;
    this.#isHanging = false;
    const failure = error === null ? null : classify(error, { phase: 'established', isSent: true });
    if (failure !== null && (failure.errno === null || endsSession(failure.errno))) this.#lose(failure);
    else this.#onNews?.();
  }

  #lose(failure: SqlFailure): void {
    if (this.#lost !== null) return;
    this.#lost = failure;
    this.#socket.destroy();
    this.#failStatement?.(failure.whenSent(true));
    this.#onNews?.();
  }
}

interface LoggedIn {
  readonly connection: Connection;
  readonly socket: net.Socket;
  readonly serverVersion: string;
}

function logIn(options: SessionOptions): Promise<LoggedIn> {
  return new Promise((resolve, reject) => {
    let phase: Phase = net.isIP(options.address.host) === 0 ? 'resolving' : 'connecting';
    let dialled: ReturnType<typeof dial>;
    try {
      dialled = dial(options);
    } catch (thrown) {
      // A port out of range, say: refused by this process, not by the server.
      reject(classify(thrown, { phase, isSent: false }));
      return;
    }
    const { connection, socket } = dialled;
    const fail = (failure: SqlFailure): void => {
      deadline.cancel();
      socket.destroy();
      reject(failure);
    };
    const failWith = (thrown: unknown): void => fail(classify(thrown, { phase, isSent: false }));
    const deadline = after(options.withinMs, () => fail(silence(phase, options.withinMs, false)));
    // These listeners stay for good: an 'error' event that nobody listens to ends the process.
    connection.on('error', failWith);
    socket.on('error', failWith);
    socket.on('lookup', (error: Error | null) => {
      if (error === null && phase === 'resolving') phase = 'connecting';
    });
    socket.on('connect', () => {
      phase = 'greeting';
    });
    socket.once('data', () => {
      phase = 'authenticating';
    });
    socket.on('close', () => failWith({ code: 'ECONNRESET', message: 'connection closed before the login was done' }));
    (connection as unknown as NodeJS.EventEmitter).on('connect', (greeting: { serverVersion?: unknown }) => {
      deadline.cancel();
      resolve({ connection, socket, serverVersion: String(greeting.serverVersion ?? '') });
    });
  });
}
