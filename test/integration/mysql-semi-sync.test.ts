/** Fencing a primary on which a commit hangs, since no replica acknowledges. The order of the steps is everything. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Secret, serverName } from '../../src/base/index.js';
import { openActionSession } from '../../src/mysql/index.js';
import { accounts, startMysqlCluster, until, type MysqlCluster } from '../support/mysql-cluster.js';

let cluster: MysqlCluster;

beforeAll(async () => {
  cluster = await startMysqlCluster({ replicas: 1, semiSync: true });
  await cluster.primary.sql('CREATE TABLE app.kept (id BIGINT PRIMARY KEY)');
}, 120_000);

afterAll(async () => {
  await cluster.stopAll();
});

it('closes a primary behind a hanging commit only after clients are gone and waiting is off', async () => {
  const { primary, replicas } = cluster;
  const session = await openActionSession({
    server: serverName('db1'),
    address: { host: primary.host, port: primary.port },
    user: accounts.hactl.user,
    password: new Secret(accounts.hactl.password),
    passwordOf: () => new Secret(accounts.repl.password),
    fence: { cluster: 'shop', epoch: 1, operation: 'op-1', manager: 'm1' },
    withinMs: 2000,
  });
  expect((await session.look()).semiSync).toEqual({
    sourceEnabled: true, replicaEnabled: true, sourceActive: true, sourceClients: 1,
  });
  await replicas[0]?.kill('SIGSTOP');
  const writer = await primary.connect({ user: accounts.app.user, password: accounts.app.password });
  const writing = writer.query('INSERT INTO app.kept VALUES (1)').then(() => 'ok', () => 'lost');
  await until('the commit hangs', 5000, async () => {
    const rows = await primary.sql("SELECT ID FROM information_schema.processlist WHERE STATE LIKE '%semi-sync ACK%'");
    return rows.length === 1;
  });
  const begunAt = performance.now();
  await expect(session.closeForWrites(1000)).rejects.toMatchObject({ failure: 'rejected', serverErrno: 1205 });
  expect(performance.now() - begunAt).toBeLessThan(2500);
  expect(await session.disconnectClients()).toBe(0);
  expect(await writing).toBe('lost');
  await expect(session.closeForWrites(1000)).rejects.toMatchObject({ serverErrno: 1205 });
  await session.setWaitingForAcks(false);
  await session.setWaitingForAcks(false);
  await session.closeForWrites(1000);
  const closed = await session.look();
  expect(closed).toMatchObject({ superReadOnly: true, offline: true, semiSync: { sourceEnabled: false } });
  await session.setAcknowledging(false);
  expect((await session.look()).semiSync?.replicaEnabled).toBe(false);
  session.close();
  writer.destroy();
}, 60_000);
