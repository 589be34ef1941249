/**
 * Real hactl managers as processes of their own (`node dist/main.js manager`), and the command line as people run it.
 * The program must have been built. Each manager has a folder with its configuration, data and log.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { removeDir, startProgram, temporaryDir, type ProgramEnd, type RunningProgram } from './child-process.js';
import { freePort } from './ports.js';
import type { Address } from './writer.js';

export interface ManagersOptions {
  readonly count?: number;
  /** Folders `m1`, `m2`, ... are made below it; default: a temporary one, removed at the end. */
  readonly dir?: string;
  readonly clusterId?: string;
  /** More keys of every manager.yaml. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** More environment variables of the managers. */
  readonly env?: NodeJS.ProcessEnv;
  /** Wait for a leader before returning; default true. */
  readonly awaitLeader?: boolean;
}

export interface ManagerProcess {
  readonly id: string;
  readonly url: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly dir: string;
  readonly configPath: string;
  readonly logPath: string;
  readonly pid: number;
  readonly isRunning: boolean;
  /** How the last process ended; null while it runs. */
  readonly ended: ProgramEnd | null;
  /** Sends a signal. For SIGKILL and SIGTERM it also waits until the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it (again) on its data; a process that still runs is killed first. */
  restart(env?: NodeJS.ProcessEnv): Promise<void>;
  log(): Promise<string>;
}

export interface Managers {
  readonly all: readonly ManagerProcess[];
  readonly urls: readonly string[];
  readonly dir: string;
  byId(id: string): ManagerProcess;
  /** The manager that says of itself that it leads; null when none does or two do. */
  leader(): Promise<ManagerProcess | null>;
  waitForLeader(timeoutMs?: number): Promise<ManagerProcess>;
  /** The command line, pointed at all the managers by HACTL_URL. */
  cli(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CliResult>;
  stopAll(): Promise<void>;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const mainPath = resolve(dirname(fileURLToPath(import.meta.url)), '../../dist/main.js');
const cliLimitMs = 60_000;
const askLimitMs = 500;

/** Runs `hactl ARGS` to its end; SIGKILL after a minute. */
export function hactlCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [mainPath, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => { output.stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { output.stderr += text; });
    const timer = setTimeout(() => child.kill('SIGKILL'), cliLimitMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      done({ code: code ?? -1, ...output });
    });
  });
}

/** A function for a writer: where the primary is, as any of the managers says; null while none names one. */
export function primaryFinder(urls: readonly string[], cluster: string): () => Promise<Address | null> {
  return async () => {
    const asked = urls.map(async (url) => {
      const answer = await ask(`${url}/clusters/${cluster}/primary`);
      if (answer === null || answer.status !== 200) throw new Error('names no primary');
      return JSON.parse(answer.body) as Address;
    });
    const named = await Promise.any(asked).catch(() => null);
    return named === null ? null : { host: named.host, port: named.port };
  };
}

/** Writes clusters.yaml with one cluster `name` and its password files into `dir`; the path of clusters.yaml. */
export async function writeClustersFile(dir: string, name: string, cluster: ClusterFileSource): Promise<string> {
  await mkdir(dir, { recursive: true });
  const account = async ({ user, password }: { user: string; password: string }): Promise<Record<string, string>> => {
    const path = join(dir, `${user}.pw`);
    await writeFile(path, password, { mode: 0o600 });
    return { user, password: `file:${path}` };
  };
  const servers = cluster.servers.map(({ host, port }, index) => [
    `db${index + 1}`, { host, port, ...cluster.serverConfig?.[`db${index + 1}`] },
  ] as const);
  const spec = {
    servers: Object.fromEntries(servers),
    mysql: await account(cluster.accounts.hactl),
    replication: await account(cluster.accounts.repl),
    ...cluster.config,
  };
  const path = join(dir, 'clusters.yaml');
  await writeFile(path, stringify({ clusters: { [name]: spec } }));
  return path;
}

export interface ClusterFileSource {
  readonly servers: readonly Address[];
  readonly accounts: Readonly<Record<'hactl' | 'repl', { readonly user: string; readonly password: string }>>;
  /** More keys of the cluster, and of single servers by name (`db1`). */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly serverConfig?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Makes folders and configurations, runs `hactl init` for each, starts them. When anything fails, none is left. */
export async function startManagers(options: ManagersOptions = {}): Promise<Managers> {
  const dir = options.dir ?? (await temporaryDir('managers'));
  const managers = new LocalManagers(await layOut(dir, options), dir, options.dir === undefined);
  try {
    await Promise.all(managers.all.map(async (manager) => {
      const clusterId = options.clusterId ?? 'test';
      const init = await hactlCli(['init', '--config', manager.configPath, '--cluster-id', clusterId]);
      if (init.code !== 0) throw new Error(`hactl init for ${manager.id} failed: ${init.stdout}${init.stderr}`);
      await manager.restart();
    }));
    if (options.awaitLeader !== false) await managers.waitForLeader();
    return managers;
  } catch (error) {
    await managers.stopAll();
    throw error;
  }
}

async function layOut(dir: string, options: ManagersOptions): Promise<readonly LocalManager[]> {
  const ids = Array.from({ length: options.count ?? 3 }, (_, index) => `m${index + 1}`);
  const places = [];
  for (const id of ids) places.push({ id, rpcPort: await freePort(), httpPort: await freePort() });
  const peers = Object.fromEntries(places.map(({ id, rpcPort, httpPort }) => [
    id, { rpc: `127.0.0.1:${rpcPort}`, http: `127.0.0.1:${httpPort}` },
  ]));
  return Promise.all(places.map(async (place) => {
    const home = join(dir, place.id);
    await mkdir(home, { recursive: true });
    const config = { id: place.id, data_dir: join(home, 'data'), managers: peers, ...options.config };
    await writeFile(join(home, 'manager.yaml'), stringify(config));
    return new LocalManager(place, home, options.env ?? {});
  }));
}

class LocalManager implements ManagerProcess {
  readonly id: string;
  readonly url: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly dir: string;
  readonly configPath: string;
  readonly logPath: string;
  readonly #env: NodeJS.ProcessEnv;
  #process: RunningProgram | null = null;

  constructor(
    place: { readonly id: string; readonly rpcPort: number; readonly httpPort: number },
    dir: string, env: NodeJS.ProcessEnv,
  ) {
    this.id = place.id;
    this.rpcPort = place.rpcPort;
    this.httpPort = place.httpPort;
    this.url = `http://127.0.0.1:${place.httpPort}`;
    this.dir = dir;
    this.configPath = join(dir, 'manager.yaml');
    this.logPath = join(dir, 'manager.log');
    this.#env = env;
  }

  get pid(): number {
    if (this.#process === null) throw new Error(`manager ${this.id} was never started`);
    return this.#process.pid;
  }

  get ended(): ProgramEnd | null { return this.#process?.ended ?? null; }
  get isRunning(): boolean { return this.#process !== null && this.#process.ended === null; }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#process === null) return;
    this.#process.signal(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await this.#process.end;
  }

  async restart(env: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.kill('SIGKILL');
    this.#process = startProgram(process.execPath, [mainPath, 'manager', '--config', this.configPath], {
      logPath: this.logPath, env: { ...process.env, ...this.#env, ...env },
    });
  }

  log(): Promise<string> {
    return readFile(this.logPath, 'utf8').catch(() => '');
  }
}

class LocalManagers implements Managers {
  readonly all: readonly LocalManager[];
  readonly dir: string;
  readonly #isOwnDir: boolean;

  constructor(all: readonly LocalManager[], dir: string, isOwnDir: boolean) {
    this.all = all;
    this.dir = dir;
    this.#isOwnDir = isOwnDir;
  }

  get urls(): readonly string[] {
    return this.all.map((manager) => manager.url);
  }

  byId(id: string): ManagerProcess {
    const found = this.all.find((manager) => manager.id === id);
    if (found === undefined) throw new Error(`no manager ${id}`);
    return found;
  }

  async leader(): Promise<ManagerProcess | null> {
    const answers = await Promise.all(this.all.map(async (manager) => ({
      manager, isLeader: manager.isRunning && (await ask(`${manager.url}/leader`))?.status === 200,
    })));
    const leaders = answers.filter((answer) => answer.isLeader);
    return leaders.length === 1 ? (leaders[0]?.manager ?? null) : null;
  }

  async waitForLeader(timeoutMs = 15_000): Promise<ManagerProcess> {
    const limit = performance.now() + timeoutMs;
    for (;;) {
      const leader = await this.leader();
      if (leader !== null) return leader;
      if (performance.now() > limit || this.all.every((manager) => !manager.isRunning)) {
        const logs = await Promise.all(this.all.map(async (manager) => (
          `--- ${manager.id} ${JSON.stringify(manager.ended)}\n${(await manager.log()).slice(-1500)}`
        )));
        throw new Error(`no leader within ${timeoutMs} ms\n${logs.join('\n')}`);
      }
      await pause(50);
    }
  }

  cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
    return hactlCli(args, { HACTL_URL: this.urls.join(','), ...env });
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.all.map((manager) => manager.kill('SIGKILL')));
    if (this.#isOwnDir) removeDir(this.dir);
  }
}

async function ask(url: string): Promise<{ readonly status: number; readonly body: string } | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(askLimitMs) });
    return { status: response.status, body: await response.text() };
  } catch {
    return null;
  }
}
