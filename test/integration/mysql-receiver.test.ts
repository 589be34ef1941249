/** Pointing receivers elsewhere must never throw away what was received: an acknowledged write may be only there. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActionError, GtidSet, Secret, serverName } from '../../src/base/index.js';
import { openActionSession, type MysqlActionSession, type SourceWords } from '../../src/mysql/index.js';
import { accounts, startMysqlCluster, until, type MysqlCluster } from '../support/mysql-cluster.js';
import type { MysqlServer } from '../support/mysql-server.js';

let cluster: MysqlCluster;
let primary: MysqlServer;
let replica: MysqlServer;
let other: MysqlServer;
let session: MysqlActionSession;

beforeAll(async () => {
  cluster = await startMysqlCluster({ replicas: 2, generalLog: true });
  primary = cluster.primary;
  await primary.sql('CREATE TABLE app.kept (id BIGINT PRIMARY KEY)');
  await cluster.waitUntilLevel();
  [replica, other] = cluster.replicas as [MysqlServer, MysqlServer];
  session = await openActionSession({
    server: serverName('db2'),
    address: { host: replica.host, port: replica.port },
    user: accounts.hactl.user,
    password: new Secret(accounts.hactl.password),
    passwordOf: () => new Secret(accounts.repl.password),
    fence: { cluster: 'shop', epoch: 1, operation: 'op-1', manager: 'm1' },
    withinMs: 2000,
  });
}, 120_000);

afterAll(async () => {
  session.close();
  await cluster.stopAll();
});

const sourceAt = (server: MysqlServer): SourceWords =>
  ({ host: server.host, port: server.port, user: accounts.repl.user, passwordRef: 'env:REPL' });

/** Rows in a relay log and not in the table: the applier waits behind a lock. */
async function receiveWithoutApplying(id: number): Promise<() => Promise<void>> {
  const blocker = await replica.connect();
  await blocker.query('FLUSH TABLES WITH READ LOCK');
  await primary.sql(`INSERT INTO app.kept VALUES (${id})`);
  const gtids = String((await primary.sql('SELECT @@GLOBAL.gtid_executed AS g'))[0]?.['g']).replace(/\s/g, '');
  await until('the replica has received it', 5000, async () => {
    const [row] = await replica.sql(
      `SELECT GTID_SUBSET('${gtids}', CONCAT(RECEIVED_TRANSACTION_SET, ',', @@GLOBAL.gtid_executed)) AS is_there
        FROM performance_schema.replication_connection_status`,
    );
    return Number(row?.['is_there']) === 1;
  });
  return async () => {
    await blocker.query('UNLOCK TABLES');
    blocker.destroy();
  };
}

const ids = async (server: MysqlServer): Promise<number[]> =>
  (await server.sql('SELECT id FROM app.kept ORDER BY id')).map((row) => Number(row['id']));

describe('pointAt', () => {
  it('refuses while the receiver runs', async () => {
    const error = await session.pointAt(sourceAt(other)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ failure: 'rejected' });
    expect((error as ActionError).message).toContain('stop it before');
  });

  it('changes nothing when it points there already', async () => {
    await session.stopReceiver();
    await session.pointAt(sourceAt(primary));
    await session.startReceiver();
    await until('it receives again', 5000, async () => (await session.look()).replica?.receiver === 'on');
  });

  it('keeps a relay log that the running applier has not applied', async () => {
    const release = await receiveWithoutApplying(1);
    await session.stopReceiver();
    const before = await session.look();
    expect(before.replica?.applier).toBe('on');
    await primary.kill('SIGKILL');
    await session.pointAt(sourceAt(other));
    const after = await session.look();
    expect(after.replica).toMatchObject({ sourcePort: other.port, receiver: 'off', applier: 'on' });
    expect(after.replica?.received).toBe(before.replica?.received);
    await release();
    // Nobody else is asked: the row can only come out of the relay log.
    expect(await session.waitExecuted(String(before.replica?.received), 5000)).toBe(true);
    expect(await ids(replica)).toContain(1);
    await primary.restart({ super_read_only: 'OFF' });
  }, 60_000);

  it('applies a relay log first when the applier was stopped', async () => {
    await session.pointAt(sourceAt(primary));
    await session.startReceiver();
    await until('it receives', 10_000, async () => (await session.look()).replica?.receiver === 'on');
    await replica.sql('STOP REPLICA SQL_THREAD');
    await primary.sql('INSERT INTO app.kept VALUES (2)');
    const gtids = String((await primary.sql('SELECT @@GLOBAL.gtid_executed AS g'))[0]?.['g']).replace(/\s/g, '');
    const uuid = gtids.slice(0, 36);
    const last = gtids.split('-').at(-1) ?? '';
    await until('it has received it', 5000, async () =>
      (await session.look()).replica?.received.includes(uuid) === true
        && (await session.look()).replica?.received.endsWith(last) === true);
    await session.stopReceiver();
    await session.pointAt(sourceAt(other));
    expect(await ids(replica)).toContain(2);
    expect((await session.look()).replica).toMatchObject({ sourcePort: other.port, applier: 'on' });
  }, 60_000);
});

/** A few transactions that can be applied and one that cannot, received and not applied: the applier is off. */
async function receiveConflict(firstId: number): Promise<void> {
  await session.stopReceiver();
  await session.pointAt(sourceAt(primary));
  await session.startReceiver();
  await until('it receives', 10_000, async () => (await session.look()).replica?.receiver === 'on');
  await replica.sql(
    'STOP REPLICA SQL_THREAD', 'SET GLOBAL super_read_only = OFF', 'SET SESSION sql_log_bin = 0',
    `INSERT INTO app.kept VALUES (${firstId + 5})`, 'SET GLOBAL super_read_only = ON',
  );
  for (let id = firstId; id < firstId + 8; id += 1) await primary.sql(`INSERT INTO app.kept VALUES (${id})`);
  const gtids = String((await primary.sql('SELECT @@GLOBAL.gtid_executed AS g'))[0]?.['g']).replace(/\s/g, '');
  await until('it has received them', 5000, async () => {
    const { executed, replica: facts } = await session.look();
    return GtidSet.parse(gtids).isSubsetOf(GtidSet.parse(facts?.received ?? '').union(GtidSet.parse(executed)));
  });
  await session.stopReceiver();
}

async function resolveConflict(firstId: number): Promise<void> {
  await replica.sql(
    'SET GLOBAL super_read_only = OFF', 'SET SESSION sql_log_bin = 0',
    `DELETE FROM app.kept WHERE id = ${firstId + 5}`, 'SET GLOBAL super_read_only = ON',
    'START REPLICA SQL_THREAD',
  );
  await until('all is applied', 5000, async () => (await ids(replica)).includes(firstId + 7));
}

describe('a relay log that the applier cannot apply', () => {
  it.each([
    ['left off', (): Promise<void> => Promise.resolve()],
    ['started a moment ago', (): Promise<void> => session.startApplier()],
  ] as const)('is never thrown away by pointAt, with the applier %s', async (_name, prepare) => {
    const base = _name === 'left off' ? 1000 : 2000;
    for (let round = 0; round < 6; round += 1) {
      const firstId = base + 10 * round;
      await receiveConflict(firstId);
      const before = await session.look();
      await prepare();
      await expect(session.pointAt(sourceAt(other))).rejects.toMatchObject({
        failure: 'rejected', message: expect.stringContaining('its applier stopped'),
      });
      const after = await session.look();
      expect(after.replica).toMatchObject({ sourcePort: primary.port, received: before.replica?.received });
      expect(after.replica?.applier).toBe('off');
      await resolveConflict(firstId);
    }
  }, 120_000);
});

describe('forgetSource', () => {
  it('is refused while something received is not executed, and changes nothing', async () => {
    await session.stopReceiver();
    await session.pointAt(sourceAt(primary));
    await session.startReceiver();
    await until('it receives', 10_000, async () => (await session.look()).replica?.receiver === 'on');
    const release = await receiveWithoutApplying(3);
    try {
      await expect(session.forgetSource()).rejects.toMatchObject({ failure: 'rejected' });
      expect((await session.look()).replica).toMatchObject({ sourcePort: primary.port, receiver: 'on', applier: 'on' });
    } finally {
      await release();
    }
    await until('it is applied', 5000, async () => (await ids(replica)).includes(3));
    await session.forgetSource();
    expect((await session.look()).replica).toBeNull();
  }, 60_000);
});

describe('the replication password', () => {
  it('is in no error and in no log of the server', async () => {
    await session.pointAt(sourceAt(primary));
    const error = await session.pointAt({ ...sourceAt(primary), user: 'x'.repeat(200) })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActionError);
    const seen = `${(error as Error).stack} ${JSON.stringify(error)} ${await readFile(replica.generalLogPath, 'utf8')}`;
    expect(seen).toContain('CHANGE REPLICATION SOURCE TO');
    const ofHactl = seen.split('\n').filter((line) => line.includes('SOURCE_CONNECT_RETRY = 1'));
    expect(ofHactl.join('\n')).not.toContain(accounts.repl.password);
    expect((error as Error).message).not.toContain(accounts.repl.password);
  });
});
