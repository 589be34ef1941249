/**
 * A client that never pauses: it inserts unique ids, one at a time, through whatever server it is told is the primary,
 * and remembers which were acknowledged and when. After any error it reconnects and goes on with the next id: an id
 * whose outcome is unknown is never used again, so an acknowledged id that is absent later is a lost write and nothing
 * else. Every wait is bounded; a connection that misses a deadline is thrown away with its socket.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, type Connection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { accounts, appSchema, type Account } from './mysql-cluster.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface WriterOptions {
  /** Asked before every new connection; null: nobody knows a primary now. Used instead of `addresses`. */
  readonly findPrimary?: () => Promise<Address | null>;
  /** Tried in turn; a read-only one refuses the write, and the next is tried. */
  readonly addresses?: readonly Address[];
  readonly account?: Account;
  /** From the start of one insert to the start of the next. */
  readonly intervalMs?: number;
  readonly connectTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  /** Between two tries while nothing takes writes. */
  readonly retryMs?: number;
}

/** A time without an acknowledged write. Times are of `performance.now()`. */
export interface Gap {
  readonly ms: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Writer {
  readonly name: string;
  readonly acknowledged: number;
  /** Sent, and the answer never came: they may or may not be there. */
  readonly unknown: number;
  /** Answered with an error: they are not there. */
  readonly rejected: number;
  /** Messages of errors, each with how often it came. */
  readonly errors: ReadonlyMap<string, number>;
  /**
   * The longest time between two acknowledgements, or between the last one and now (or the stop), among those that
   * touch the span (default: all). Around a failure this is the write downtime.
   */
  longestGap(fromMs?: number, toMs?: number): Gap;
  /** Until an insert that was sent after `afterMs` is acknowledged. */
  waitForAck(afterMs: number, timeoutMs: number): Promise<void>;
  /** Lets the running insert end and stops. */
  stop(): Promise<void>;
  /** Acknowledged ids that this server does not have. */
  findLost(address: Address): Promise<readonly number[]>;
}

export function startWriter(options: WriterOptions): Writer {
  const writer = new RunningWriter(options);
  writer.start();
  return writer;
}

interface Acknowledgement {
  readonly id: number;
  readonly sentMs: number;
  readonly atMs: number;
}

class DeadlinePassed extends Error {}

class RunningWriter implements Writer {
  readonly name = `w${randomBytes(6).toString('hex')}`;
  readonly errors = new Map<string, number>();
  readonly #options: WriterOptions;
  readonly #account: Account;
  readonly #acks: Acknowledgement[] = [];
  readonly #stopping = new AbortController();
  #unknown = 0;
  #rejected = 0;
  #nextId = 1;
  #nextAddress = 0;
  #done: Promise<void> = Promise.resolve();
  #stoppedAtMs: number | null = null;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#account = options.account ?? accounts.app;
  }

  get acknowledged(): number { return this.#acks.length; }
  get unknown(): number { return this.#unknown; }
  get rejected(): number { return this.#rejected; }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
    this.#stoppedAtMs ??= performance.now();
  }

  longestGap(fromMs = -Infinity, toMs = Infinity): Gap {
    const moments = [...this.#acks.map((ack) => ack.atMs), this.#stoppedAtMs ?? performance.now()];
    let longest: Gap = { ms: 0, fromMs: moments[0] ?? 0, toMs: moments[0] ?? 0 };
    for (const [index, end] of moments.entries()) {
      const start = moments[index - 1];
      if (start === undefined || end <= fromMs || start >= toMs) continue;
      if (end - start > longest.ms) longest = { ms: end - start, fromMs: start, toMs: end };
    }
    return longest;
  }

  async waitForAck(afterMs: number, timeoutMs: number): Promise<void> {
    const limit = performance.now() + timeoutMs;
    while ((this.#acks.at(-1)?.sentMs ?? -1) <= afterMs) {
      if (performance.now() > limit) {
        const seen = [...this.errors].map(([message, count]) => `${count} x ${message}`).join('; ');
        throw new Error(`no write was acknowledged within ${timeoutMs} ms (${seen || 'no errors'})`);
      }
      await pause(10);
    }
  }

  async findLost(address: Address): Promise<readonly number[]> {
    const connection = await this.#connect(address, 10_000);
    try {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT id FROM ${appSchema}.writes WHERE writer = ?`, [this.name],
      );
      const present = new Set(rows.map((row) => Number(row['id'])));
      return this.#acks.filter((ack) => !present.has(ack.id)).map((ack) => ack.id);
    } finally {
      abandon(connection);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const connection = await this.#reach();
      if (connection !== null) await this.#writeThrough(connection);
      if (!signal.aborted) await pause(this.#options.retryMs ?? 20);
    }
  }

  /** Inserts until the first error. */
  async #writeThrough(connection: Connection): Promise<void> {
    const intervalMs = this.#options.intervalMs ?? 5;
    try {
      while (!this.#stopping.signal.aborted) {
        const sentMs = performance.now();
        if (!(await this.#insert(connection, sentMs))) return;
        const restMs = sentMs + intervalMs - performance.now();
        if (restMs > 0) await pause(restMs);
      }
    } finally {
      abandon(connection);
    }
  }

  async #insert(connection: Connection, sentMs: number): Promise<boolean> {
    const id = this.#nextId;
    this.#nextId += 1;
    try {
      await withDeadline(this.#options.statementTimeoutMs ?? 1000, connection.query<ResultSetHeader>(
        `INSERT INTO ${appSchema}.writes (writer, id) VALUES (?, ?)`, [this.name, id],
      ));
      this.#acks.push({ id, sentMs, atMs: performance.now() });
      return true;
    } catch (error) {
      // An answer of the server carries an SQL state; anything else leaves the outcome open.
      if ((error as { sqlState?: string }).sqlState === undefined) this.#unknown += 1;
      else this.#rejected += 1;
      this.#note(error);
      return false;
    }
  }

  async #reach(): Promise<Connection | null> {
    try {
      const address = await this.#choose();
      return address === null ? null : await this.#connect(address, this.#options.connectTimeoutMs ?? 200);
    } catch (error) {
      this.#note(error);
      return null;
    }
  }

  async #choose(): Promise<Address | null> {
    const { findPrimary, addresses = [] } = this.#options;
    if (findPrimary !== undefined) return withDeadline(1000, findPrimary());
    const address = addresses[this.#nextAddress % addresses.length] ?? null;
    this.#nextAddress += 1;
    return address;
  }

  async #connect(address: Address, timeoutMs: number): Promise<Connection> {
    const connecting = createConnection({
      host: address.host, port: address.port, user: this.#account.user, password: this.#account.password,
      connectTimeout: timeoutMs, enableKeepAlive: true, keepAliveInitialDelay: 5000,
    });
    // connectTimeout ends with the first byte in some cases: a hard limit of our own stands behind it.
    connecting.catch(() => undefined);
    try {
      const connection = await withDeadline(timeoutMs + 300, connecting);
      // An 'error' event without a listener would end this process.
      connection.on('error', () => undefined);
      return connection;
    } catch (error) {
      connecting.then(abandon, () => undefined);
      throw error;
    }
  }

  #note(error: unknown): void {
    const message = error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
    const short = message.replace(/w[0-9a-f]{12}-\d+/g, 'ID').slice(0, 160);
    if (this.errors.size < 200 || this.errors.has(short)) this.errors.set(short, (this.errors.get(short) ?? 0) + 1);
  }
}

/** mysql2's own `destroy()` says good-bye and waits; on a dead peer the socket would stay. */
function abandon(connection: Connection): void {
  const inner = (connection as unknown as { connection: { stream: { destroy(): void } } }).connection;
  connection.destroy();
  inner.stream.destroy();
}

async function withDeadline<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => { reject(new DeadlinePassed(`no answer within ${limitMs} ms`)); }, limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // The loser of the race may still fail, with nobody listening.
    work.catch(() => undefined);
  }
}
