/**
 * One real mysqld on 127.0.0.1, with a data folder of its own copied from the cache. `scripts/fetch-servers.mjs`
 * must have run before. Durable settings are on (sync_binlog=1), since the tests kill servers and count what is lost;
 * everything else is as small and quick as it can be. Nothing survives `destroy()` or the end of this process.
 */
import { constants } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createConnection, type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';
import { removeDir, startProgram, temporaryDir, type RunningProgram } from './child-process.js';
import { freePort } from './ports.js';

export interface MysqlServerOptions {
  readonly serverId: number;
  readonly port?: number;
  /** Its folder, made if absent; default: a temporary one, removed by `destroy()`. */
  readonly dir?: string;
  /** Lines of its my.cnf: they add to the defaults below or replace them. */
  readonly config?: Readonly<Record<string, string>>;
  /** `super_read_only=ON` in its configuration, so that it comes up closed after every start. */
  readonly bootClosed?: boolean;
  readonly generalLog?: boolean;
}

export interface MysqlServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly serverId: number;
  readonly dir: string;
  /** Of the process that runs now or ran last. */
  readonly pid: number;
  readonly isRunning: boolean;
  readonly generalLogPath: string;
  readonly errorLogPath: string;
  /** Sends a signal. For SIGKILL and SIGTERM it also waits until the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Orderly shutdown; SIGKILL after 15 s. */
  stop(): Promise<void>;
  /** Stops it if it runs, and starts it on the same folder and port. `config` adds lines to its my.cnf first. */
  restart(config?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL, and an empty installation in place of its data. `restart` starts it again. */
  eraseData(): Promise<void>;
  /** SIGKILL, and its folder is removed unless the caller gave it. */
  destroy(): Promise<void>;
  /** A new connection as root (or `as`). The caller ends it. */
  connect(options?: ConnectionOptions): Promise<Connection>;
  /** Runs statements as root over one short connection; the rows of the last one. */
  sql(...statements: string[]): Promise<readonly Record<string, unknown>[]>;
}

interface ServerProgram {
  readonly version: string;
  readonly command: string;
  readonly prefix: readonly string[];
  readonly options: readonly string[];
}

const cacheDir = resolve(dirname(fileURLToPath(import.meta.url)), '../../.cache/servers');
const startLimitMs = 60_000;
const stopLimitMs = 15_000;

/** The configuration of every test server; `config` of the caller goes on top. */
function settings(options: MysqlServerOptions, port: number, dir: string): Record<string, string> {
  return {
    'datadir': join(dir, 'data'),
    'port': String(port),
    'bind-address': '127.0.0.1',
    // Relative to the data folder: an absolute path could pass the 107 bytes that a socket's name may have.
    'socket': 'mysqld.sock',
    'pid-file': join(dir, 'mysqld.pid'),
    'log-error': join(dir, 'error.log'),
    'general_log': options.generalLog === true ? 'ON' : 'OFF',
    'general_log_file': join(dir, 'general.log'),
    'server_id': String(options.serverId),
    'report_host': '127.0.0.1',
    'report_port': String(port),
    'mysqlx': 'OFF',
    'skip_name_resolve': 'ON',
    'secure_file_priv': 'NULL',
    'gtid_mode': 'ON',
    'enforce_gtid_consistency': 'ON',
    'log_bin': 'binlog',
    'relay_log': 'relay',
    'binlog_format': 'ROW',
    'log_replica_updates': 'ON',
    'sync_binlog': '1',
    'innodb_flush_log_at_trx_commit': '1',
    'sync_relay_log': '1',
    'relay_log_recovery': '0',
    'innodb_buffer_pool_size': '32M',
    'innodb_redo_log_capacity': '16M',
    'innodb_log_buffer_size': '1M',
    'innodb_buffer_pool_load_at_startup': 'OFF',
    'innodb_buffer_pool_dump_at_shutdown': 'OFF',
    'max_connections': '100',
    'table_open_cache': '200',
    'table_definition_cache': '400',
    'performance_schema': 'ON',
    'performance_schema_digests_size': '200',
    'performance_schema_max_digest_length': '256',
    'performance_schema_max_table_instances': '500',
    'performance_schema_max_table_handles': '500',
    'performance_schema_max_thread_instances': '200',
    ...(options.bootClosed === true ? { super_read_only: 'ON' } : {}),
    ...options.config,
  };
}

export async function startMysqlServer(options: MysqlServerOptions): Promise<MysqlServer> {
  const program = await readProgram();
  const port = options.port ?? (await freePort());
  const isOwnDir = options.dir === undefined;
  const dir = options.dir ?? (await temporaryDir(`mysql${options.serverId}`));
  await mkdir(dir, { recursive: true });
  await copyEmptyData(dir);
  const server = new LocalMysqlServer(program, options, { port, dir, isOwnDir });
  try {
    await server.restart();
  } catch (error) {
    await server.destroy();
    throw error;
  }
  return server;
}

async function copyEmptyData(dir: string): Promise<void> {
  await cp(join(cacheDir, 'mysql97-data'), join(dir, 'data'), {
    recursive: true, mode: constants.COPYFILE_FICLONE, force: false, errorOnExist: false,
  });
}

class LocalMysqlServer implements MysqlServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly serverId: number;
  readonly dir: string;
  readonly generalLogPath: string;
  readonly errorLogPath: string;
  readonly #program: ServerProgram;
  readonly #isOwnDir: boolean;
  #settings: Record<string, string>;
  #process: RunningProgram | null = null;

  constructor(
    program: ServerProgram, options: MysqlServerOptions,
    place: { readonly port: number; readonly dir: string; readonly isOwnDir: boolean },
  ) {
    this.#program = program;
    this.#isOwnDir = place.isOwnDir;
    this.#settings = settings(options, place.port, place.dir);
    this.port = place.port;
    this.dir = place.dir;
    this.serverId = options.serverId;
    this.generalLogPath = join(place.dir, 'general.log');
    this.errorLogPath = join(place.dir, 'error.log');
  }

  get pid(): number {
    if (this.#process === null) throw new Error(`server ${this.serverId} was never started`);
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process !== null && this.#process.ended === null;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#process === null) return;
    this.#process.signal(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await this.#process.end;
  }

  async stop(): Promise<void> {
    if (this.#process === null || this.#process.ended !== null) return;
    this.#process.signal('SIGCONT');
    this.#process.signal('SIGTERM');
    const limit = new AbortController();
    const late = pause(stopLimitMs, 'late' as const, { signal: limit.signal }).catch(() => 'late' as const);
    const first = await Promise.race([this.#process.end, late]);
    limit.abort();
    if (first === 'late') await this.kill('SIGKILL');
  }

  async restart(config: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.stop();
    this.#settings = { ...this.#settings, ...config };
    const configPath = join(this.dir, 'my.cnf');
    const lines = Object.entries(this.#settings).map(([name, value]) => `${name}=${value}`);
    await writeFile(configPath, `[mysqld]\n${lines.join('\n')}\n`, { mode: 0o600 });
    const { command, prefix, options } = this.#program;
    const args = [...prefix, `--defaults-file=${configPath}`, ...options];
    if (process.getuid?.() === 0) args.push('--user=root');
    this.#process = startProgram(command, args, { logPath: join(this.dir, 'output.log') });
    await this.#waitUntilReady(this.#process);
  }

  async eraseData(): Promise<void> {
    await this.kill('SIGKILL');
    await rm(join(this.dir, 'data'), { recursive: true, force: true, maxRetries: 5 });
    await copyEmptyData(this.dir);
  }

  async destroy(): Promise<void> {
    await this.kill('SIGKILL');
    if (this.#isOwnDir) removeDir(this.dir);
  }

  async connect(options: ConnectionOptions = {}): Promise<Connection> {
    const connection = await createConnection({
      host: this.host, port: this.port, user: 'root', connectTimeout: 5000, supportBigNumbers: true,
      bigNumberStrings: true, dateStrings: true, ...options,
    });
    // Without a listener, a server that dies under an idle connection would end this process.
    connection.on('error', () => undefined);
    return connection;
  }

  async sql(...statements: string[]): Promise<readonly Record<string, unknown>[]> {
    const connection = await this.connect();
    try {
      let rows: readonly Record<string, unknown>[] = [];
      for (const statement of statements) {
        const [result] = await connection.query<RowDataPacket[]>(statement);
        rows = Array.isArray(result) ? result : [];
      }
      return rows;
    } finally {
      connection.destroy();
    }
  }

  async #waitUntilReady(program: RunningProgram): Promise<void> {
    const until = performance.now() + startLimitMs;
    while (!(await greets(this.port))) {
      if (program.ended !== null || performance.now() > until) {
        const why = program.ended === null ? 'does not answer' : `ended with ${JSON.stringify(program.ended)}`;
        throw new Error(`mysqld ${this.serverId} ${why}\n${await this.#lastWords()}`);
      }
      await pause(20);
    }
  }

  async #lastWords(): Promise<string> {
    const texts = [];
    for (const name of ['output.log', 'error.log']) {
      texts.push(await readFile(join(this.dir, name), 'utf8').catch(() => ''));
    }
    return texts.join('').split('\n').slice(-15).join('\n');
  }
}

/** Whether a MySQL greeting (protocol version 10 as the fifth byte) comes from this port. */
function greets(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (answer: boolean): void => {
      socket.destroy();
      done(answer);
    };
    socket.setTimeout(1000, () => { finish(false); });
    socket.on('error', () => { finish(false); });
    socket.on('close', () => { finish(false); });
    socket.on('data', (bytes) => { finish(bytes[4] === 10); });
  });
}

async function readProgram(): Promise<ServerProgram> {
  try {
    return JSON.parse(await readFile(join(cacheDir, 'mysql97.json'), 'utf8')) as ServerProgram;
  } catch {
    throw new Error('the test servers are not there yet: run `node scripts/fetch-servers.mjs`');
  }
}
