/**
 * Real hactl managers that form a quorum, each a process of its own (manager-process.ts): made together, and joined or
 * left by others later.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { removeDir, temporaryDir } from './child-process.js';
import { hactlCli, LocalManager, type CliResult, type ManagerProcess } from './manager-process.js';
import { freePort } from './ports.js';
import type { Address } from './writer.js';

export { hactlCli, type CliResult, type ManagerProcess } from './manager-process.js';

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
  /**
   * As a person prepares a new manager: a manager.yaml that names it and the others, `hactl init --join`, and a start.
   * It is not a member yet: that takes `hactl managers add`.
   */
  join(id: string): Promise<ManagerProcess>;
  /** Ends it, and speaks and asks of it no more: it is lost, or was removed. Its folder stays. */
  forget(id: string): Promise<void>;
  /** How each ended and the end of its log, for the error of a test. */
  lastWords(): Promise<string>;
  stopAll(): Promise<void>;
}

const askLimitMs = 500;

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
  const managers = new LocalManagers(dir, options);
  try {
    await managers.startFirst();
    if (options.awaitLeader !== false) await managers.waitForLeader();
    return managers;
  } catch (error) {
    await managers.stopAll();
    throw error;
  }
}

interface Place {
  readonly id: string;
  readonly rpcPort: number;
  readonly httpPort: number;
}

const placeOf = async (id: string): Promise<Place> => ({ id, rpcPort: await freePort(), httpPort: await freePort() });

async function layOut(
  place: Place, peers: readonly Place[], dir: string, options: ManagersOptions,
): Promise<LocalManager> {
  const home = join(dir, place.id);
  await mkdir(home, { recursive: true });
  const addresses = peers.map(({ id, rpcPort, httpPort }) => [
    id, { rpc: `127.0.0.1:${rpcPort}`, http: `127.0.0.1:${httpPort}` },
  ] as const);
  const manager = new LocalManager(place, home, options.clusterId ?? 'test', options.env ?? {});
  const own = { id: place.id, data_dir: manager.dataDir, managers: Object.fromEntries(addresses) };
  await writeFile(manager.configPath, stringify({ ...own, ...options.config }));
  return manager;
}

async function initAndStart(manager: LocalManager, ...initOptions: string[]): Promise<void> {
  const init = await manager.init(...initOptions);
  if (init.code !== 0) throw new Error(`hactl init for ${manager.id} failed: ${init.stdout}${init.stderr}`);
  await manager.restart();
}

class LocalManagers implements Managers {
  readonly dir: string;
  readonly #options: ManagersOptions;
  #all: readonly LocalManager[] = [];

  constructor(dir: string, options: ManagersOptions) {
    this.dir = dir;
    this.#options = options;
  }

  async startFirst(): Promise<void> {
    const places: Place[] = [];
    for (let at = 1; at <= (this.#options.count ?? 3); at += 1) places.push(await placeOf(`m${at}`));
    this.#all = await Promise.all(places.map((place) => layOut(place, places, this.dir, this.#options)));
    await Promise.all(this.#all.map((manager) => initAndStart(manager)));
  }

  get all(): readonly LocalManager[] {
    return this.#all;
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

  async waitForLeader(timeoutMs = 30_000): Promise<ManagerProcess> {
    const limit = performance.now() + timeoutMs;
    for (;;) {
      const leader = await this.leader();
      if (leader !== null) return leader;
      if (performance.now() > limit || this.all.every((manager) => !manager.isRunning)) {
        throw new Error(`no leader within ${timeoutMs} ms\n${await this.lastWords()}`);
      }
      await pause(50);
    }
  }

  async lastWords(): Promise<string> {
    const logs = await Promise.all(this.all.map(async (manager) => (
      `--- ${manager.id} ${JSON.stringify(manager.ended)}\n${(await manager.log()).slice(-3000)}`
    )));
    return logs.join('\n');
  }

  cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
    return hactlCli(args, { HACTL_URL: this.urls.join(','), ...env });
  }

  async join(id: string): Promise<ManagerProcess> {
    const place = await placeOf(id);
    const manager = await layOut(place, [...this.#all, place], this.dir, this.#options);
    this.#all = [...this.#all, manager];
    await initAndStart(manager, '--join');
    return manager;
  }

  async forget(id: string): Promise<void> {
    const manager = this.byId(id);
    this.#all = this.#all.filter((one) => one !== manager);
    await manager.kill('SIGKILL');
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.all.map((manager) => manager.kill('SIGKILL')));
    if (this.#options.dir === undefined) removeDir(this.dir);
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
