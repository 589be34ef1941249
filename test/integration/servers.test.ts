/** The tests' own ground: real servers that start, replicate, die and leave nothing behind. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accounts, hactlGrants, startMysqlCluster, until, type MysqlCluster } from '../support/mysql-cluster.js';
import { startMysqlServer } from '../support/mysql-server.js';
import { startWriter } from '../support/writer.js';

describe('a cluster of real servers', () => {
  let cluster: MysqlCluster;

  beforeAll(async () => {
    cluster = await startMysqlCluster({ replicas: 2, semiSync: true, bootClosed: true, generalLog: true });
  });
  afterAll(async () => {
    await cluster.stopAll();
  });

  it('replicates with GTIDs and waits for acknowledgements', async () => {
    const { primary, replicas } = cluster;
    await primary.sql("INSERT INTO app.writes (writer, id) VALUES ('test', 1)");
    await cluster.waitUntilLevel();
    for (const replica of replicas) {
      expect(await replica.sql("SELECT id FROM app.writes WHERE writer = 'test'")).toEqual([{ id: '1' }]);
      expect(await replica.sql('SELECT @@super_read_only AS closed, @@hostname <> "" AS up'))
        .toEqual([{ closed: '1', up: '1' }]);
    }
    const status = await primary.sql("SHOW STATUS LIKE 'Rpl_semi_sync_source_%'");
    const values = Object.fromEntries(status.map((row) => [row['Variable_name'], row['Value']]));
    expect(values).toMatchObject({ Rpl_semi_sync_source_status: 'ON', Rpl_semi_sync_source_clients: '2' });
  });

  it('hactl\'s account can do all that hactl does, and read nothing of the users', async () => {
    const replica = cluster.replicas[0];
    if (replica === undefined) throw new Error('no replica');
    const hactl = await replica.connect(accounts.hactl);
    for (const statement of [
      'SELECT GET_LOCK("hactl", 0)', 'SHOW REPLICA STATUS', 'SHOW BINARY LOG STATUS', 'SHOW REPLICAS',
      'SELECT * FROM performance_schema.replication_connection_status',
      'STOP REPLICA IO_THREAD', 'SET GLOBAL rpl_semi_sync_replica_enabled = 0', 'START REPLICA IO_THREAD',
      'SET GLOBAL rpl_semi_sync_replica_enabled = 1', 'STOP REPLICA IO_THREAD',
      'CHANGE REPLICATION SOURCE TO SOURCE_CONNECT_RETRY = 1', 'START REPLICA IO_THREAD',
      'SET SESSION lock_wait_timeout = 1', 'SET GLOBAL offline_mode = 1', 'SET GLOBAL offline_mode = 0',
      'SET GLOBAL super_read_only = 0', 'SET SESSION sql_log_bin = 0',
      'CREATE DATABASE IF NOT EXISTS hactl',
      'CREATE TABLE IF NOT EXISTS hactl.try (id INT PRIMARY KEY, epoch BIGINT)',
      'REPLACE INTO hactl.try VALUES (1, 7)', 'DROP TABLE hactl.try', 'SET SESSION sql_log_bin = 1',
      'SET GLOBAL super_read_only = 1',
      'SET SESSION gtid_next = "AUTOMATIC"', 'SET PERSIST super_read_only = 1', 'RESET PERSIST super_read_only',
    ]) {
      await expect(hactl.query(statement), statement).resolves.toBeDefined();
    }
    const app = await replica.connect(accounts.app);
    await hactl.query(`KILL CONNECTION ${app.threadId}`);
    await until('the killed session is gone', 5000, () => app.query('SELECT 1').then(() => false, () => true));
    await expect(hactl.query('SELECT * FROM app.writes')).rejects.toThrow(/denied/);
    expect(hactlGrants.join(' ')).not.toMatch(/\bSUPER\b|GRANT ALL ON \*|SYSTEM_USER/);
    hactl.destroy();
    app.destroy();
    const [status] = await replica.sql('SHOW REPLICA STATUS');
    expect(status).toMatchObject({ Replica_SQL_Running: 'Yes', Last_SQL_Error: '' });
  });

  it('a server that is told to stays closed when its replica half is forgotten', async () => {
    const replica = cluster.replicas[1];
    if (replica === undefined) throw new Error('no replica');
    const hactl = await replica.connect(accounts.hactl);
    await hactl.query('STOP REPLICA');
    await hactl.query('RESET REPLICA ALL');
    hactl.destroy();
    await replica.restart();
    const [state] = await replica.sql('SELECT @@super_read_only AS closed');
    expect(state).toEqual({ closed: '1' });
    expect(await replica.sql('SHOW REPLICA STATUS')).toEqual([]);
  });

  it('an ordinary client cannot pass read-only, and a writer counts what it lost', async () => {
    const [primary, replica] = [cluster.primary, cluster.replicas[0]];
    if (replica === undefined) throw new Error('no replica');
    const writer = startWriter({ addresses: [replica, primary] });
    await until('some writes are acknowledged', 10_000, () => writer.acknowledged > 10);
    await primary.kill('SIGSTOP');
    const stoppedAtMs = performance.now();
    await until('the writer has given up on the stopped server', 5000, () => writer.unknown > 0);
    await primary.kill('SIGCONT');
    const wokenAtMs = performance.now();
    await writer.waitForAck(wokenAtMs, 10_000);
    await writer.stop();
    expect([...writer.errors.keys()].join(' ')).toMatch(/read-only/);
    expect(writer.longestGap(stoppedAtMs, wokenAtMs).ms).toBeGreaterThan(800);
    expect(await writer.findLost(primary)).toEqual([]);
    await primary.sql(`DELETE FROM app.writes WHERE writer = '${writer.name}' AND id > 0 ORDER BY id LIMIT 1`);
    expect(await writer.findLost(primary)).toHaveLength(1);
  });
});

describe('one real server', () => {
  it('survives SIGKILL with what it acknowledged, and is gone with its folder when destroyed', async () => {
    const server = await startMysqlServer({ serverId: 9 });
    const { pid, dir } = server;
    await server.sql('CREATE DATABASE kept');
    await server.kill('SIGKILL');
    expect(server.isRunning).toBe(false);
    await server.restart({ max_connections: '55' });
    const [row] = await server.sql('SELECT @@max_connections AS max, COUNT(*) AS kept '
      + "FROM information_schema.schemata WHERE schema_name = 'kept'");
    expect(row).toEqual({ max: '55', kept: '1' });
    expect(server.pid).not.toBe(pid);
    const last = server.pid;
    await server.destroy();
    expect(existsSync(dir)).toBe(false);
    expect(() => process.kill(last, 0)).toThrow(/ESRCH/);
  });
});
