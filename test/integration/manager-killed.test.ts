/**
 * What must not move hactl: the death of a manager, a primary that is there and refuses, a primary that hangs, and
 * managers without a majority. Told from the servers' general logs: whatever a manager sent stands there.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsSince, isLook, markLogs, said } from '../support/general-log.js';
import type { LogMark } from '../support/general-log.js';
import type { ManagerProcess } from '../support/managers.js';
import { hactlCli } from '../support/managers.js';
import { accounts, until } from '../support/mysql-cluster.js';
import type { MysqlServer } from '../support/mysql-server.js';
import { askCode, askStatus, clusterName, figure, Stage } from '../support/stage.js';
import { startWriter } from '../support/writer.js';

/** A failover at the default settings begins after 1 s: what has not begun after this does not begin. */
const patienceMs = 6000;

describe('a healthy cluster', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.start({ mysql: { generalLog: true } });
  });
  afterAll(() => stage.stop());

  /** Everything that hactl or a replica sent since the mark and that is not a look. */
  async function changesSince(marks: LogMark): Promise<readonly string[]> {
    const commands = await commandsSince(marks);
    const looks = commands.filter((command) => command.user === accounts.hactl.user && isLook(command));
    // A log in which nothing was found to be allowed was not read rightly.
    expect(looks.length).toBeGreaterThan(20);
    return commands
      .filter(({ user }) => user === accounts.hactl.user || user === accounts.repl.user)
      .filter((command) => command.user === accounts.repl.user || !isLook(command))
      .map(said);
  }

  it.each(['leader', 'follower'] as const)('is left alone when a %s dies and comes back', async (which) => {
    const { leader, followers } = await stage.roles();
    const victim = which === 'leader' ? leader : (followers[0] as ManagerProcess);
    const others = stage.managers.all.filter((manager) => manager !== victim);
    const writer = startWriter({ addresses: [stage.server('db1')] });
    await writer.waitForAck(0, 5000);
    const marks = await markLogs(stage.mysql.servers);
    await victim.kill('SIGKILL');
    await until(`the others say that ${victim.id} is gone, and have a leader`, 10_000, async () => {
      const answers = await Promise.all(others.map(({ url }) => askStatus(url)));
      return answers.every((status) => (
        status !== null && status.leader !== null && status.leader !== victim.id && status.quorum.reachable === 2
      ));
    });
    for (const { url } of others) {
      const { code, stdout } = await hactlCli(['status'], { HACTL_URL: url });
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`${victim.id} unreachable`));
      expect(stdout).toMatch(/quorum 2\/3/);
      expect(await askCode(`${url}/clusters/${clusterName}/servers/db1/primary`)).toBe(200);
    }
    await stage.waitForCluster('the cluster is judged healthy again', 5000, ({ state }) => state === 'healthy');
    await pause(1500);
    await victim.restart();
    await stage.settled();
    await pause(500);
    await writer.stop();
    expect(await changesSince(marks)).toEqual([]);
    expect([...writer.errors.keys()]).toEqual([]);
    expect(await stage.lastOperationId()).toBeNull();
    figure(`${which} killed: longest gap between writes ${Math.round(writer.longestGap().ms)} ms`);
  });

  /** Runs `refuse`, waits out any failover that could begin, and puts everything right with `mend`. */
  async function expectNoFailover(sees: RegExp, refuse: () => Promise<void>, mend: () => Promise<void>): Promise<void> {
    const writer = startWriter({ addresses: [stage.server('db1')] });
    await writer.waitForAck(0, 5000);
    const marks = await markLogs(stage.mysql.servers.slice(1));
    await refuse();
    try {
      await stage.waitForCluster(`the status says ${sees}`, 10_000, (cluster) => (
        cluster.state !== 'healthy' && sees.test(`${cluster.state} ${cluster.reason}`)
      ));
      await pause(patienceMs);
      const cluster = await stage.waitForCluster('a leader answers', 5000, () => true);
      expect(cluster).toMatchObject({ operation: null, lastOperation: null, primary: 'db1' });
      expect(`${cluster.state} ${cluster.reason}`).toMatch(sees);
      figure(`status: ${cluster.state}: ${cluster.reason}`);
    } finally {
      await mend();
    }
    await writer.waitForAck(performance.now(), 10_000);
    await writer.stop();
    expect(await changesSince(marks)).toEqual([]);
    await stage.settled();
    expect(await stage.lastOperationId()).toBeNull();
  }

  async function killSessionsOf(server: MysqlServer, user: string, connection: Connection): Promise<void> {
    const [rows] = await connection.query(
      `SELECT ID AS id FROM INFORMATION_SCHEMA.PROCESSLIST WHERE USER = '${user}'`,
    );
    const ids = (rows as { id: string }[]).map(({ id }) => id);
    expect(ids.length).toBeGreaterThanOrEqual(3);
    for (const id of ids) await connection.query(`KILL CONNECTION ${id}`);
    expect(server.isRunning).toBe(true);
  }

  it('does not lose its primary over a wrong password', async () => {
    const root = await stage.server('db1').connect();
    const setPassword = async (password: string): Promise<void> => {
      await root.query('SET SESSION sql_log_bin = 0');
      await root.query(`ALTER USER hactl@'%' IDENTIFIED BY '${password}'`);
    };
    await expectNoFailover(/denied/, async () => {
      await setPassword('another one');
      await killSessionsOf(stage.server('db1'), 'hactl', root);
    }, () => setPassword(accounts.hactl.password));
    root.destroy();
  });

  it('does not lose its primary over too many connections', async () => {
    const db1 = stage.server('db1');
    const root = await db1.connect();
    const clients = await Promise.all([1, 2, 3].map(() => db1.connect(accounts.app)));
    await expectNoFailover(/too many connections/i, async () => {
      // There are more sessions than this already: the slot kept for administrators is taken too.
      await root.query('SET GLOBAL max_connections = 1');
      await killSessionsOf(db1, 'hactl', root);
    }, async () => { await root.query('SET GLOBAL max_connections = 100'); });
    for (const connection of [root, ...clients]) connection.destroy();
  });

  it('does not lose its primary while that hangs', async () => {
    const db1 = stage.server('db1');
    await expectNoFailover(/hung/, () => db1.kill('SIGSTOP'), () => db1.kill('SIGCONT'));
  });

  it('is not repaired by one manager alone, whatever dies; with a second one it is', async () => {
    // The leader remains: it must notice that nobody follows it any more.
    const { leader: alone, followers } = await stage.roles();
    const writer = stage.writer();
    await writer.waitForAck(0, 5000);
    for (const manager of followers) await manager.kill('SIGKILL');
    await until('it says that it has no quorum', 10_000, async () => (
      (await askStatus(alone.url))?.quorum.has === false
    ));
    await until('it names no primary', 5000, async () => (
      (await askCode(`${alone.url}/clusters/${clusterName}/primary`)) === 503
    ));
    const marks = await markLogs(stage.mysql.servers.slice(1));
    await stage.server('db1').kill('SIGKILL');
    await pause(patienceMs);
    const { stdout } = await hactlCli(['status'], { HACTL_URL: alone.url });
    expect(stdout).toMatch(/no quorum 1\/3/);
    expect(stdout).toContain(`no quorum: only ${alone.id} of m1, m2, m3 is reachable; it acts on nothing`);
    expect(await askCode(`${alone.url}/clusters/${clusterName}/primary`)).toBe(503);
    // The receivers of the replicas knock at the dead primary; nobody has sent them anything.
    expect(await changesSince(marks)).toEqual([]);
    expect((await askStatus(alone.url))?.clusters[0]).toMatchObject({ state: 'unmanaged', operation: null });
    for (const manager of followers) await manager.restart();
    const operation = await stage.operationAfter(null);
    await writer.waitForAck(performance.now(), 10_000);
    await writer.stop();
    expect(operation).toMatchObject({ kind: 'failover', phase: 'done', oldPrimary: 'db1' });
    expect(await writer.findLost(stage.server(operation.newPrimary ?? ''))).toEqual([]);
  });
});
