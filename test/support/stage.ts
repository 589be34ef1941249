/**
 * A whole installation for a test: real servers, real managers as processes of their own, one cluster declared with
 * `hactl apply` and seen healthy. What a test changes it puts back, so that one stage serves many tests. All of
 * this looks from outside: over HTTP, through the command line, or at the servers as an administrator would.
 */
import type { ClusterStatus, OperationStatus, ServerStatus, StatusResponse } from '../../src/http/index.js';
import { primaryFinder, startManagers, writeClustersFile } from './managers.js';
import type { CliResult, ManagerProcess, Managers } from './managers.js';
import { followSource, startMysqlCluster, until } from './mysql-cluster.js';
import type { MysqlCluster, MysqlClusterOptions } from './mysql-cluster.js';
import type { MysqlServer } from './mysql-server.js';
import { startWriter } from './writer.js';
import type { Writer, WriterOptions } from './writer.js';

export const clusterName = 'app1';

type Keys = Readonly<Record<string, unknown>>;

export interface StageOptions {
  readonly mysql?: MysqlClusterOptions;
  /** More keys of the cluster, and of single servers by name. */
  readonly config?: Keys;
  readonly serverConfig?: Readonly<Record<string, Keys>>;
  readonly managerEnv?: NodeJS.ProcessEnv;
  /** More keys of every manager.yaml. */
  readonly managerConfig?: Keys;
}

const askLimitMs = 500;
const settleLimitMs = 30_000;

export async function askStatus(url: string): Promise<StatusResponse | null> {
  try {
    const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(askLimitMs) });
    return response.ok ? ((await response.json()) as StatusResponse) : null;
  } catch {
    return null;
  }
}

/** The status code of a GET; null when nobody answers. */
export async function askCode(url: string): Promise<number | null> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(askLimitMs) })).status;
  } catch {
    return null;
  }
}

/** A figure for whoever reads the output of the tests; nothing is asserted about it. */
export function figure(text: string): void {
  process.stdout.write(`  figure: ${text}\n`);
}

export class Stage {
  readonly mysql: MysqlCluster;
  readonly managers: Managers;
  #rebuilds = 0;

  private constructor(mysql: MysqlCluster, managers: Managers) {
    this.mysql = mysql;
    this.managers = managers;
  }

  static async start(options: StageOptions = {}): Promise<Stage> {
    const mysql = await startMysqlCluster({ replicas: 2, semiSync: true, ...options.mysql });
    let managers: Managers | null = null;
    try {
      managers = await startManagers({
        ...(options.managerEnv === undefined ? {} : { env: options.managerEnv }),
        ...(options.managerConfig === undefined ? {} : { config: options.managerConfig }),
      });
      const stage = new Stage(mysql, managers);
      await stage.apply(options);
      await stage.settled();
      return stage;
    } catch (error) {
      await managers?.stopAll();
      await mysql.stopAll();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.managers.stopAll();
    await this.mysql.stopAll();
  }

  /** `hactl apply` of the cluster with these keys; throws when it is refused. */
  async apply(options: Pick<StageOptions, 'config' | 'serverConfig'>): Promise<void> {
    const file = await writeClustersFile(this.managers.dir, clusterName, { ...this.mysql, ...options });
    const result = await this.managers.cli(['apply', file, '--yes']);
    if (result.code !== 0) throw new Error(`hactl apply ended with ${result.code}: ${result.stdout}${result.stderr}`);
  }

  server(name: string): MysqlServer {
    const found = this.mysql.servers[Number(name.replace('db', '')) - 1];
    if (found === undefined) throw new Error(`no server ${name}`);
    return found;
  }

  get serverNames(): readonly string[] {
    return this.mysql.servers.map((_, index) => `db${index + 1}`);
  }

  hactl(...args: string[]): Promise<CliResult> {
    return this.managers.cli(args);
  }

  /** The leader's status; null while nobody leads. */
  async status(): Promise<StatusResponse | null> {
    const answers = await Promise.all(this.managers.urls.map(askStatus));
    return answers.find((answer) => answer !== null && answer.leader === answer.manager) ?? null;
  }

  /** What the leader says of the cluster, once it fits. The error holds the last thing that it said. */
  async waitForCluster(
    what: string, timeoutMs: number, fits: (cluster: ClusterStatus) => boolean,
  ): Promise<ClusterStatus> {
    let last: ClusterStatus | null = null;
    const endsAtMs = performance.now() + timeoutMs;
    while (performance.now() < endsAtMs) {
      const status = await this.status();
      last = status?.clusters[0] ?? null;
      if (last !== null && fits(last)) return last;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const seen = last === null ? 'nobody led' : `${last.state}: ${last.reason}\n${JSON.stringify(last.servers)}`;
    throw new Error(`not within ${timeoutMs} ms: ${what}\nlast seen: ${seen}`);
  }

  /** Everything is as it should be for a next test: all managers, all servers, nothing running. */
  async settled(): Promise<ClusterStatus> {
    await until('all managers are reachable', settleLimitMs, async () => {
      const answers = await Promise.all(this.managers.urls.map(askStatus));
      return answers.every((answer) => answer?.quorum.reachable === answer?.quorum.voters && answer?.leader !== null);
    }).catch(async (thrown: unknown) => {
      throw new Error(`the managers do not settle\n${await this.managers.lastWords()}`, { cause: thrown });
    });
    return this.waitForCluster('the cluster is healthy', settleLimitMs, (cluster) => (
      cluster.state === 'healthy' && cluster.operation === null && cluster.servers.every(isWell)
    ));
  }

  /** The first operation that has ended and is another than `before`. */
  async operationAfter(before: string | null, timeoutMs = 30_000): Promise<OperationStatus> {
    const { lastOperation } = await this.waitForCluster('an operation has ended', timeoutMs, (cluster) => (
      cluster.operation === null && cluster.lastOperation !== null && cluster.lastOperation.id !== before
    ));
    return lastOperation as OperationStatus;
  }

  async lastOperationId(): Promise<string | null> {
    return (await this.status())?.clusters[0]?.lastOperation?.id ?? null;
  }

  /** The name of the primary, as soon as any manager names one. */
  async primaryName(): Promise<string> {
    const find = primaryFinder(this.managers.urls, clusterName);
    let port: number | null = null;
    await until('a manager names a primary', 5000, async () => {
      port = (await find())?.port ?? null;
      return port !== null;
    });
    return `db${this.mysql.servers.findIndex((server) => server.port === port) + 1}`;
  }

  /** A writer that goes to whatever server the managers name. */
  writer(options: WriterOptions = {}): Writer {
    return startWriter({ findPrimary: primaryFinder(this.managers.urls, clusterName), ...options });
  }

  /**
   * What an administrator does with a former primary in this version: a fresh data folder, and it follows the primary
   * of today from the first transaction on.
   */
  async rebuild(name: string): Promise<void> {
    const server = this.server(name);
    const primary = this.server(await this.primaryName());
    await server.eraseData();
    // Another number than before: a replica passes over transactions that carry its own.
    this.#rebuilds += 1;
    await server.restart({ super_read_only: 'ON', server_id: String(server.serverId + 100 * this.#rebuilds) });
    await followSource(server, primary);
    const [row] = await primary.sql('SELECT @@GLOBAL.gtid_executed AS executed');
    const executed = String(row?.['executed']).replace(/\s/g, '');
    const [answer] = await server.sql(`SELECT WAIT_FOR_EXECUTED_GTID_SET('${executed}', 20) AS isLate`);
    if (Number(answer?.['isLate']) !== 0) throw new Error(`${name} has not caught up after it was rebuilt`);
    await this.settled();
  }

  /** Whether `name` receives from `source` and applies, as it says itself. */
  async follows(name: string, source: string): Promise<boolean> {
    const [row] = await this.server(name).sql('SHOW REPLICA STATUS');
    return Number(row?.['Source_Port']) === this.server(source).port
      && row?.['Replica_IO_Running'] === 'Yes' && row['Replica_SQL_Running'] === 'Yes';
  }

  /** The manager that leads and two that do not. */
  async roles(): Promise<{ readonly leader: ManagerProcess; readonly followers: readonly ManagerProcess[] }> {
    const leader = await this.managers.waitForLeader();
    return { leader, followers: this.managers.all.filter((manager) => manager.id !== leader.id) };
  }
}

function isWell(server: ServerStatus): boolean {
  const problems = server.problems.filter((problem) => problem !== 'awaiting rejoin');
  return server.reachable && problems.length === 0 && (server.role === 'primary' || server.role === 'replica');
}
