/**
 * A failover outlives its managers: all of them are killed in the middle and go on from the log; the leader sleeps in
 * the middle, another finishes, and the sleeper changes nothing when it wakes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { commandsSince, isLook, markLogs, said } from '../support/general-log.js';
import type { ManagerProcess } from '../support/managers.js';
import { accounts, until } from '../support/mysql-cluster.js';
import { askStatus, figure, Stage } from '../support/stage.js';
import type { Writer } from '../support/writer.js';

describe('a failover', () => {
  let stage: Stage;
  let writer: Writer | null = null;

  beforeAll(async () => {
    stage = await Stage.start({ mysql: { generalLog: true } });
  });
  afterEach(async () => {
    await writer?.stop();
    writer = null;
  });
  afterAll(() => stage.stop());

  /** The stage as before: every manager runs, with this environment, and who was the primary follows. */
  async function ready(env: NodeJS.ProcessEnv): Promise<string> {
    for (const name of stage.serverNames) {
      if (!stage.server(name).isRunning) await stage.rebuild(name);
    }
    await Promise.all(stage.managers.all.map((manager) => manager.restart(env)));
    await stage.settled();
    return stage.primaryName();
  }

  it.each(['confirm', 'freeze', 'catch-up', 'promote', 'publish'])(
    'goes on from the log after all managers were killed at "%s"',
    async (step) => {
      const oldPrimary = await ready({ HACTL_FAILPOINT: `failover:${step}` });
      const before = await stage.lastOperationId();
      const busy = stage.writer();
      writer = busy;
      await until('the writer is at work', 10_000, () => busy.acknowledged > 50);
      await stage.server(oldPrimary).kill('SIGKILL');
      await until('the leader has died at the step', 20_000, () => (
        stage.managers.all.some((manager) => !manager.isRunning)
      ));
      await Promise.all(stage.managers.all.map((manager) => manager.kill('SIGKILL')));
      const startedAtMs = performance.now();
      await Promise.all(stage.managers.all.map((manager) => manager.restart()));
      const operation = await stage.operationAfter(before);
      await writer.waitForAck(performance.now(), 10_000);

      expect(operation).toMatchObject({ kind: 'failover', phase: 'done', oldPrimary });
      const [first = 0, ...later] = operation.epochs;
      expect(later.length).toBeGreaterThan(0);
      expect(later).toEqual(later.map((_, index) => first + index + 1));
      // What was committed at the first epoch stands, and is not done again.
      const done = operation.steps.filter(({ epoch, finishedAt }) => epoch === first && finishedAt !== null);
      expect(done.at(-1)?.step).toBe(step);
      const again = operation.steps.filter(({ epoch }) => epoch > first).map((entry) => entry.step);
      expect(again).not.toContain(step);
      await writer.stop();
      const newPrimary = operation.newPrimary ?? '';
      expect(await writer.findLost(stage.server(newPrimary))).toEqual([]);
      const third = stage.serverNames.find((name) => name !== oldPrimary && name !== newPrimary) ?? '';
      await until(`${third} follows ${newPrimary}`, 5000, () => stage.follows(third, newPrimary));
      figure(`all killed at ${step}: epochs ${operation.epochs.join(', ')}, done `
        + `${Math.round(performance.now() - startedAtMs)} ms after the start; ${writer.acknowledged} writes, 0 lost`);
    },
  );

  /** As long as these are open no replica can apply the writers' rows: a failover stays in its catch-up. */
  async function lockTables(names: readonly string[]): Promise<readonly Connection[]> {
    return Promise.all(names.map(async (name) => {
      const connection = await stage.server(name).connect();
      await connection.query('LOCK TABLES app.writes READ');
      return connection;
    }));
  }

  /** The step that began last: its conductor holds the locks of the servers by then. */
  async function stepOf(manager: ManagerProcess): Promise<string | null> {
    const entry = (await askStatus(manager.url))?.clusters[0]?.operation?.steps.at(-1);
    return entry === undefined ? null : `${entry.step} at ${entry.epoch}`;
  }

  it('is finished by another manager when the leader sleeps, and the sleeper changes nothing afterwards', async () => {
    const oldPrimary = await ready({});
    const before = await stage.lastOperationId();
    const { leader, followers: [other] } = await stage.roles();
    if (other === undefined) throw new Error('no follower');
    writer = stage.writer();
    await writer.waitForAck(0, 10_000);
    const locks = await lockTables(stage.serverNames.filter((name) => name !== oldPrimary));
    await writer.waitForAck(performance.now(), 10_000);
    await stage.server(oldPrimary).kill('SIGKILL');
    await until('the leader is in the catch-up', 15_000, async () => (
      (await stepOf(leader))?.startsWith('catch-up') === true
    ));
    const asleepAt = await stepOf(leader);
    await leader.kill('SIGSTOP');
    await until('another has taken the catch-up over', 15_000, async () => {
      const step = await stepOf(other);
      return step !== null && step.startsWith('catch-up') && step !== asleepAt;
    });
    // Woken while the other works: it must find out by itself that it is not the one any more.
    const marks = await markLogs(stage.mysql.servers.filter((server) => server.isRunning));
    await leader.kill('SIGCONT');
    await until(`${leader.id} knows of the new leader`, 10_000, async () => (
      (await askStatus(leader.url))?.managers.find(({ role }) => role === 'leader')?.id !== leader.id
    ));
    await pause(1000);
    const meanwhile = (await commandsSince(marks)).filter(({ user }) => user === accounts.hactl.user);
    // Both the new leader, which waits for the applier, and the old one, which must not: neither changes anything.
    expect(meanwhile.length).toBeGreaterThan(10);
    expect(meanwhile.filter((command) => !isLook(command)).map(said)).toEqual([]);

    for (const lock of locks) lock.destroy();
    const operation = await stage.operationAfter(before);
    await writer.waitForAck(performance.now(), 10_000);
    expect(operation).toMatchObject({ phase: 'done', oldPrimary, startedBy: leader.id });
    const [first = 0, ...later] = operation.epochs;
    expect(later).toEqual([first + 1]);
    expect(new Set(operation.steps.filter(({ epoch }) => epoch > first).map(({ by }) => by)).size).toBe(1);
    expect(operation.steps.filter(({ epoch, by }) => epoch > first && by === leader.id)).toEqual([]);

    const after = await markLogs(stage.mysql.servers.filter((server) => server.isRunning));
    await pause(1500);
    const commands = (await commandsSince(after)).filter(({ user }) => user === accounts.hactl.user);
    expect(commands.filter((command) => !isLook(command)).map(said)).toEqual([]);
    await writer.stop();
    expect(await writer.findLost(stage.server(operation.newPrimary ?? ''))).toEqual([]);
  });
});
