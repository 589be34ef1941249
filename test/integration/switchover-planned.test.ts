/** The planned change of the primary on real servers: nothing in flight is lost; what is not well refuses it. */
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorExitCodes } from '../../src/base/index.js';
import type { OperationStatus } from '../../src/http/index.js';
import type { CliResult } from '../support/managers.js';
import { accounts, until } from '../support/mysql-cluster.js';
import { watchPrimary } from '../support/primary-watch.js';
import { clusterName, figure, Stage } from '../support/stage.js';
import type { Writer } from '../support/writer.js';

const exitRefused = errorExitCodes.refused;
const exitFailed = errorExitCodes['operation-failed'];
const maxPauseMs = 2000;

describe('a switchover', () => {
  let stage: Stage;
  const writers: Writer[] = [];

  beforeAll(async () => {
    stage = await Stage.start({ config: { switchover: { max_pause: `${maxPauseMs}ms` } } });
    await stage.server('db1').sql('CREATE TABLE app.held (id INT PRIMARY KEY)');
  });
  afterEach(async () => {
    await Promise.all(writers.splice(0).map((writer) => writer.stop()));
  });
  afterAll(() => stage.stop());

  async function startWriters(count: number): Promise<readonly Writer[]> {
    const started = Array.from({ length: count }, () => stage.writer());
    writers.push(...started);
    await Promise.all(started.map((writer) => until('a writer is at work', 10_000, () => writer.acknowledged > 20)));
    return started;
  }

  function switchOver(...args: string[]): Promise<CliResult> {
    return stage.hactl('switchover', clusterName, '--yes', ...args);
  }

  /** What decides who takes writes and who acknowledges them, on every server. */
  async function settings(): Promise<unknown> {
    return Promise.all(stage.mysql.servers.map(async (server) => {
      const [row] = await server.sql('SELECT @@read_only AS readOnly, @@super_read_only AS superReadOnly, '
        + '@@offline_mode AS isOffline, @@rpl_semi_sync_source_enabled AS waits, '
        + '@@rpl_semi_sync_replica_enabled AS acknowledges, @@server_uuid AS uuid');
      const [replica] = await server.sql('SHOW REPLICA STATUS');
      return { ...row, source: replica?.['Source_Port'] ?? null, receiver: replica?.['Replica_IO_Running'] ?? null,
        applier: replica?.['Replica_SQL_Running'] ?? null };
    }));
  }

  async function semiSyncOf(name: string): Promise<Readonly<Record<string, number | string>>> {
    const rows = await stage.server(name).sql("SHOW STATUS LIKE 'Rpl_semi_sync_source_%'");
    const values = new Map(rows.map((row) => [row['Variable_name'], row['Value']]));
    return {
      status: String(values.get('Rpl_semi_sync_source_status')),
      clients: Number(values.get('Rpl_semi_sync_source_clients')),
      acknowledged: Number(values.get('Rpl_semi_sync_source_yes_tx')),
      alone: Number(values.get('Rpl_semi_sync_source_no_tx')),
    };
  }

  async function lockTable(server: string, how: 'READ' | 'WRITE'): Promise<Connection> {
    const connection = await stage.server(server).connect();
    await connection.query(`LOCK TABLES app.held ${how}`);
    return connection;
  }

  it('there and back under writers loses nothing, and the old primary becomes a replica', async () => {
    const started = await startWriters(4);
    for (const [from, to] of [['db1', 'db2'], ['db2', 'db1']] as const) {
      const watch = watchPrimary(stage.managers.urls, clusterName);
      const beganAtMs = performance.now();
      const { code, stdout } = await switchOver('--to', to, '--json');
      expect(code, stdout).toBe(0);
      const operation = JSON.parse(stdout) as OperationStatus;
      expect(operation).toMatchObject({ kind: 'switchover', phase: 'done', oldPrimary: from, newPrimary: to });
      const endedAtMs = performance.now();
      await Promise.all(started.map((writer) => writer.waitForAck(endedAtMs, 10_000)));
      await watch.stop();
      expect(watch.takenBack()).toEqual([]);
      expect(await stage.primaryName()).toBe(to);
      expect(await stage.follows(from, to) && await stage.follows('db3', to)).toBe(true);
      const semiSync = await semiSyncOf(to);
      expect(semiSync).toMatchObject({ status: 'ON', clients: 2 });
      expect(semiSync['acknowledged']).toBeGreaterThan(0);
      const gaps = started.map((writer) => Math.round(writer.longestGap(beganAtMs, performance.now()).ms));
      figure(`switchover ${from} to ${to}: writers paused for ${gaps.join(', ')} ms; nobody was named for `
        + `${Math.round(watch.namelessMs(from, to))} ms; alone committed ${semiSync['alone']}`);
    }
    await Promise.all(started.map((writer) => writer.stop()));
    for (const writer of started) expect(await writer.findLost(stage.server('db1'))).toEqual([]);
    figure(`${started.reduce((sum, writer) => sum + writer.acknowledged, 0)} writes acknowledged, 0 lost, `
      + `${started.reduce((sum, writer) => sum + writer.unknown, 0)} with unknown outcome`);
    await stage.settled();
  });

  it('gives an open transaction an error, or keeps what it was told is committed', async () => {
    await startWriters(2);
    const app = await stage.server('db1').connect(accounts.app);
    await app.query('BEGIN');
    await app.query("INSERT INTO app.writes (writer, id) VALUES ('open', 1)");
    // Commits as soon as the pause has begun, whatever it finds then.
    const committing = until('the primary is closed or gone', 10_000, async () => {
      const [row] = await stage.server('db1').sql('SELECT @@read_only AS closed');
      return Number(row?.['closed']) === 1;
    }).then(() => app.query('COMMIT')).then(() => 'committed', () => 'error');
    const { code, stdout } = await switchOver('--to', 'db2');
    expect(code, stdout).toBe(0);
    const outcome = await committing;
    app.destroy();
    const rows = await stage.server('db2').sql("SELECT id FROM app.writes WHERE writer = 'open'");
    expect(outcome).toBe(rows.length === 1 ? 'committed' : 'error');
    figure(`an open transaction got: ${outcome}`);
    expect((await switchOver('--to', 'db1')).code).toBe(0);
    await stage.settled();
  });

  it('that is only tried changes nothing', async () => {
    const before = [await settings(), await stage.lastOperationId()];
    const { code, stdout } = await stage.hactl('switchover', clusterName, '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(/db1 -> db[23]\n  1\. close db1 for writes/);
    expect([await settings(), await stage.lastOperationId()]).toEqual(before);
  });

  /** Refused with these words, by the real request and by the dry run, and nothing was begun. */
  async function expectRefused(words: RegExp, ...args: string[]): Promise<void> {
    const before = [await settings(), await stage.lastOperationId()];
    const dry = await stage.hactl('switchover', clusterName, '--dry-run', ...args);
    expect({ code: dry.code, said: words.test(dry.stdout + dry.stderr) }, dry.stdout + dry.stderr)
      .toEqual({ code: exitRefused, said: true });
    const real = await switchOver(...args);
    expect({ code: real.code, said: words.test(real.stderr) }, real.stderr).toEqual({ code: exitRefused, said: true });
    expect([await settings(), await stage.lastOperationId()]).toEqual(before);
  }

  it('is refused while a replica does not receive or does not apply', async () => {
    const db3 = stage.server('db3');
    try {
      await db3.sql('STOP REPLICA IO_THREAD');
      await expectRefused(/db3 does not receive/);
      await db3.sql('START REPLICA IO_THREAD');
      await until('db3 receives again', 5000, () => stage.follows('db3', 'db1'));
      await db3.sql('STOP REPLICA SQL_THREAD');
      await expectRefused(/db3 does not apply/);
    } finally {
      await db3.sql('START REPLICA');
      await stage.settled();
    }
  });

  it('is refused while a server is away', async () => {
    await stage.server('db3').stop();
    const { code, stderr } = await switchOver();
    await stage.server('db3').restart();
    await stage.settled();
    expect({ code, stderr }).toEqual({ code: exitRefused, stderr: expect.stringMatching(/db3 cannot be looked at/) });
    expect(await stage.primaryName()).toBe('db1');
  });

  it('is refused for a target that may never be one, or that is not there', async () => {
    const config = { switchover: { max_pause: `${maxPauseMs}ms` } };
    await stage.apply({ config, serverConfig: { db3: { candidate: 'never' } } });
    await expectRefused(/candidate: never/, '--to', 'db3');
    await stage.apply({ config });
    await stage.settled();
    const unknown = await switchOver('--to', 'db9');
    expect(unknown.stderr).toMatch(/no server "db9"[\s\S]*db1, db2, db3/);
    expect(unknown.code).not.toBe(0);
    const itself = await switchOver('--to', 'db1');
    expect(itself.code).toBe(exitRefused);
  });

  it('is rolled back to exactly the former state when the primary does not close in time', async () => {
    const [writer] = await startWriters(1);
    if (writer === undefined) throw new Error('no writer');
    const before = await settings();
    const lastId = await stage.lastOperationId();
    // Read-only waits behind this, and a session of an account with SYSTEM_USER cannot be disconnected by hactl.
    const root = await lockTable('db1', 'WRITE');
    const { code, stderr } = await switchOver('--to', 'db2');
    expect(code).toBe(exitFailed);
    expect(stderr).toMatch(/rolled back/);
    const operation = await stage.operationAfter(lastId);
    expect(operation).toMatchObject({ kind: 'switchover', phase: 'rolled-back', oldPrimary: 'db1' });
    expect(operation.steps.map(({ step }) => step)).not.toContain('promote');
    root.destroy();
    await writer.waitForAck(performance.now(), 5000);
    expect(await settings()).toEqual(before);
    expect(await stage.primaryName()).toBe('db1');
    await writer.stop();
    expect(await writer.findLost(stage.server('db1'))).toEqual([]);
    figure(`rolled back: ${operation.reason}; writes paused for ${Math.round(writer.longestGap().ms)} ms`);
    await stage.settled();
  });

  it('is rolled back to exactly the former state when the target does not catch up in time', async () => {
    const before = await settings();
    const lastId = await stage.lastOperationId();
    // What is committed while the primary closes cannot be applied by the target.
    const [root, held] = [await lockTable('db1', 'WRITE'), await lockTable('db2', 'READ')];
    const asked = switchOver('--to', 'db2');
    await stage.waitForCluster('the primary is closing', 10_000, ({ operation }) => (
      operation?.steps.at(-1)?.step === 'pause-writes'
    ));
    await root.query('INSERT INTO app.held VALUES (1)');
    await root.end();
    const { code, stderr } = await asked;
    held.destroy();
    expect(code).toBe(exitFailed);
    expect(stderr).toMatch(/within the write pause|the write pause of 2000 ms is used up/);
    const operation = await stage.operationAfter(lastId);
    // It had been closed: that, too, was undone.
    expect(operation.steps.find(({ step }) => step === 'pause-writes')?.summary).toBe('db1 is read-only');
    expect(operation.phase).toBe('rolled-back');
    await stage.settled();
    expect(await settings()).toEqual(before);
    const [writer] = await startWriters(1);
    await writer?.stop();
    expect(await writer?.findLost(stage.server('db1'))).toEqual([]);
  });
});
