/**
 * A real replication cluster of one primary and its replicas on 127.0.0.1, as an administrator would set it up by hand
 * before hactl sees it: GTID auto-position, accounts made on the primary and replicated, replicas closed at boot.
 * hactl itself is not involved.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { grantStatements } from '../../src/mysql/index.js';
import { startMysqlServer, type MysqlServer } from './mysql-server.js';

export interface Account {
  readonly user: string;
  readonly password: string;
}

export interface MysqlClusterOptions {
  readonly replicas?: number;
  /** AFTER_SYNC semi-sync from the servers' own configuration. */
  readonly semiSync?: boolean;
  /** How many replicas must acknowledge, and how long a commit waits for them before it goes on without. */
  readonly semiSyncAcks?: number;
  readonly semiSyncTimeoutMs?: number;
  /** Every server, the primary too, comes up closed after a restart. Replicas are closed in any case. */
  readonly bootClosed?: boolean;
  readonly generalLog?: boolean;
  /** Lines for every server's my.cnf. */
  readonly config?: Readonly<Record<string, string>>;
  /** Folders `db1`, `db2`, ... are made below it; default: temporary ones, removed at the end. */
  readonly dir?: string;
}

export interface MysqlCluster {
  /** In order: db1 is the first primary, then the replicas. */
  readonly servers: readonly MysqlServer[];
  /** The server that was the primary at the start; whoever is it now is hactl's to say. */
  readonly primary: MysqlServer;
  readonly replicas: readonly MysqlServer[];
  readonly accounts: typeof accounts;
  /** The server that listens on this port. */
  at(port: number): MysqlServer;
  /** Until every replica has executed what the primary has now. */
  waitUntilLevel(timeoutMs?: number): Promise<void>;
  stopAll(): Promise<void>;
}

export const accounts = {
  hactl: { user: 'hactl', password: 'hactl-test-password' },
  repl: { user: 'repl', password: 'repl-test-password' },
  app: { user: 'app', password: 'app-test-password' },
} as const satisfies Record<string, Account>;

/** The schema in which the writer of the tests has its table; the `app` account may use it and nothing else. */
export const appSchema = 'app';

/** All that hactl's account gets here: what the program itself documents. The tests run with nothing more. */
export const hactlGrants = grantStatements("hactl@'%'");

/**
 * my.cnf of a server in a cluster with AFTER_SYNC semi-sync: it acknowledges when it is a replica. Waiting for
 * acknowledgements is no boot setting: on a replica it would also hold up the applier, whose transactions nobody
 * acknowledges (tried on 9.7: the first CREATE USER that arrives locks every client out). It is turned on at the
 * primary.
 */
export function semiSyncConfig(options: { readonly acks: number; readonly timeoutMs: number }): Record<string, string> {
  return {
    'plugin_load_add': 'semisync_source.so;semisync_replica.so',
    'rpl_semi_sync_source_enabled': '0',
    'rpl_semi_sync_replica_enabled': '1',
    // Without a replica in sight a commit waits too, and does not silently go on alone.
    'rpl_semi_sync_source_wait_no_replica': 'ON',
    'rpl_semi_sync_source_wait_point': 'AFTER_SYNC',
    'rpl_semi_sync_source_wait_for_replica_count': String(options.acks),
    'rpl_semi_sync_source_timeout': String(options.timeoutMs),
  };
}

/** Statements on the first primary: accounts and the table of the writer. */
const setUpStatements = [
  `CREATE USER hactl@'%' IDENTIFIED BY '${accounts.hactl.password}'`,
  `CREATE USER repl@'%' IDENTIFIED BY '${accounts.repl.password}'`,
  `CREATE USER app@'%' IDENTIFIED BY '${accounts.app.password}'`,
  'GRANT REPLICATION SLAVE ON *.* TO repl@\'%\'',
  `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON ${appSchema}.* TO app@'%'`,
  ...hactlGrants,
  `CREATE DATABASE ${appSchema}`,
  `CREATE TABLE ${appSchema}.writes (writer VARCHAR(40), id BIGINT, PRIMARY KEY (writer, id))`,
] as const;

/** Starts servers side by side; when one fails, none is left. */
export async function startMysqlServers(
  starts: readonly (() => Promise<MysqlServer>)[],
): Promise<readonly MysqlServer[]> {
  const results = await Promise.allSettled(starts.map((start) => start()));
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return servers;
  await Promise.all(servers.map((server) => server.destroy()));
  throw failed.reason;
}

export async function startMysqlCluster(options: MysqlClusterOptions = {}): Promise<MysqlCluster> {
  const count = 1 + (options.replicas ?? 2);
  const semiSync = options.semiSync === true
    ? semiSyncConfig({ acks: options.semiSyncAcks ?? 1, timeoutMs: options.semiSyncTimeoutMs ?? 1_000_000_000 })
    : {};
  const servers = await startMysqlServers(Array.from({ length: count }, (_, index) => () => startMysqlServer({
    serverId: index + 1,
    bootClosed: index > 0 || options.bootClosed === true,
    config: { ...semiSync, ...options.config },
    ...(options.generalLog === undefined ? {} : { generalLog: options.generalLog }),
    ...(options.dir === undefined ? {} : { dir: `${options.dir}/db${index + 1}` }),
  })));
  const cluster = new LocalMysqlCluster(servers);
  try {
    await replicate(cluster, options.semiSync === true);
    return cluster;
  } catch (error) {
    await cluster.stopAll();
    throw error;
  }
}

/** `replica` starts to follow `source`, with the settings that make a dead source visible soon. */
export async function followSource(replica: MysqlServer, source: MysqlServer): Promise<void> {
  await replica.sql(
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST='${source.host}', SOURCE_PORT=${source.port},
      SOURCE_USER='${accounts.repl.user}', SOURCE_PASSWORD='${accounts.repl.password}', SOURCE_AUTO_POSITION=1,
      SOURCE_HEARTBEAT_PERIOD=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400, GET_SOURCE_PUBLIC_KEY=1`,
    'START REPLICA',
  );
}

async function replicate(cluster: LocalMysqlCluster, isSemiSync: boolean): Promise<void> {
  const { primary } = cluster;
  const connection = await primary.connect();
  try {
    await connection.query('SET GLOBAL super_read_only=0');
    await connection.query('SET GLOBAL read_only=0');
    for (const statement of setUpStatements) await connection.query(statement);
    await Promise.all(cluster.replicas.map((replica) => followSource(replica, primary)));
    await cluster.waitUntilLevel();
    // Only now is there somebody to acknowledge: the statements above would have waited for ever.
    if (isSemiSync && cluster.replicas.length > 0) await connection.query('SET GLOBAL rpl_semi_sync_source_enabled=1');
  } finally {
    connection.destroy();
  }
}

class LocalMysqlCluster implements MysqlCluster {
  readonly servers: readonly MysqlServer[];
  readonly accounts = accounts;

  constructor(servers: readonly MysqlServer[]) {
    this.servers = servers;
  }

  get primary(): MysqlServer {
    const [first] = this.servers;
    if (first === undefined) throw new Error('a cluster has at least one server');
    return first;
  }

  get replicas(): readonly MysqlServer[] {
    return this.servers.slice(1);
  }

  at(port: number): MysqlServer {
    const found = this.servers.find((server) => server.port === port);
    if (found === undefined) throw new Error(`no server of this cluster has port ${port}`);
    return found;
  }

  async waitUntilLevel(timeoutMs = 20_000): Promise<void> {
    const [row] = await this.primary.sql('SELECT @@GLOBAL.gtid_executed AS executed');
    const executed = String(row?.['executed']).replace(/\s/g, '');
    await Promise.all(this.replicas.map(async (replica) => {
      const [answer] = await replica.sql(
        `SELECT WAIT_FOR_EXECUTED_GTID_SET('${executed}', ${timeoutMs / 1000}) AS timedOut`,
      );
      if (Number(answer?.['timedOut']) === 0) return;
      const [status] = await replica.sql('SHOW REPLICA STATUS');
      const why = `${String(status?.['Last_IO_Error'])} ${String(status?.['Last_SQL_Error'])}`;
      throw new Error(`server ${replica.serverId} has not caught up in ${timeoutMs} ms: ${why}`);
    }));
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.destroy()));
  }
}

/** Waits for a condition that no event announces. `what` goes into the error. */
export async function until(
  what: string, timeoutMs: number, isTrue: () => Promise<boolean> | boolean,
): Promise<void> {
  const limit = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > limit) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await pause(20);
  }
}
