/**
 * Three managers become five, and three again, while a failover runs: neither stops the other, no write is lost, and
 * the quorum keeps its promises all the while: one vote per manager and term, one leader per term, one log.
 */
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ManagerProcess } from '../support/managers.js';
import { electionsOf } from '../support/manager-log.js';
import { until } from '../support/mysql-cluster.js';
import { addArgs, expectEndsForGood, insist, waitForVoters } from '../support/quorum-changes.js';
import { askStatus, figure, Stage } from '../support/stage.js';
import { dumpOf, storeFaults } from '../support/stopped-stores.js';
import type { Writer } from '../support/writer.js';

const yes = ['--yes', '--json'] as const;
const three = ['m1', 'm2', 'm3'];

describe('a failover while the managers change', () => {
  let stage: Stage;
  let writer: Writer | null = null;
  /** Those that were removed too. */
  const everybody = new Map<string, ManagerProcess>();

  beforeAll(async () => {
    stage = await Stage.start();
    for (const manager of stage.managers.all) everybody.set(manager.id, manager);
  });
  afterEach(async () => {
    await writer?.stop();
    writer = null;
  });
  afterAll(() => stage.stop());

  async function busyWriter(): Promise<Writer> {
    const busy = stage.writer();
    writer = busy;
    await until('the writer is at work', 20_000, () => busy.acknowledged > 50);
    return busy;
  }

  async function expectNothingLost(busy: Writer, primary: string | null): Promise<void> {
    await busy.waitForAck(performance.now(), 20_000);
    await busy.stop();
    expect(await busy.findLost(stage.server(primary ?? ''))).toEqual([]);
  }

  it('goes on while three become five and its leader dies in the middle', async () => {
    const env = { HACTL_FAILPOINT: 'failover:freeze' };
    await Promise.all(stage.managers.all.map((manager) => manager.restart(env)));
    await stage.settled();
    const m4 = await stage.managers.join('m4');
    const m5 = await stage.managers.join('m5');
    for (const manager of [m4, m5]) everybody.set(manager.id, manager);
    const before = await stage.lastOperationId();
    const busy = await busyWriter();

    // Two changes at once, and the primary's death.
    const growing = [m4, m5].map((manager) => insist(stage, addArgs(manager, ...yes)));
    await stage.server('db1').kill('SIGKILL');
    await until('the leader has died at the step', 30_000, () => (
      stage.managers.all.some((manager) => !manager.isRunning)
    ));
    const operation = await stage.operationAfter(before, 60_000);
    await Promise.all(growing);
    expect(operation).toMatchObject({ kind: 'failover', phase: 'done', oldPrimary: 'db1' });
    expect(operation.epochs.length).toBeGreaterThan(1);
    await expectNothingLost(busy, operation.newPrimary);
    // All of them, without the failpoint: each knows the others from its log now.
    await Promise.all(stage.managers.all.map((manager) => manager.restart()));
    await stage.managers.waitForLeader();
    expect(await waitForVoters(stage, [...three, 'm4', 'm5'])).toMatchObject({ removed: [], toleratedLosses: 2 });
    figure(`3 to 5: epochs ${operation.epochs.join(', ')}; ${busy.acknowledged} writes, 0 lost`);
  });

  /** As long as these are open no replica can apply the writers' rows: a failover stays in its catch-up. */
  async function lockTables(): Promise<readonly Connection[]> {
    const primary = await stage.primaryName();
    return Promise.all(stage.serverNames.filter((name) => name !== primary).map(async (name) => {
      const connection = await stage.server(name).connect();
      await connection.query('LOCK TABLES app.writes READ');
      return connection;
    }));
  }

  async function stepOf(manager: ManagerProcess): Promise<string | null> {
    return (await askStatus(manager.url))?.clusters[0]?.operation?.steps.at(-1)?.step ?? null;
  }

  it('goes on while five become three, and the first to be removed is the one that runs it', async () => {
    await stage.rebuild('db1');
    const [m4, m5] = [stage.managers.byId('m4'), stage.managers.byId('m5')];
    await insist(stage, ['managers', 'transfer', '--to', 'm5', ...yes]);
    await stage.settled();
    const before = await stage.lastOperationId();
    const oldPrimary = await stage.primaryName();
    const busy = await busyWriter();
    const locks = await lockTables();
    await busy.waitForAck(performance.now(), 20_000);

    await stage.server(oldPrimary).kill('SIGKILL');
    await until('m5 is in the catch-up', 30_000, async () => (await stepOf(m5)) === 'catch-up');
    await insist(stage, ['managers', 'remove', 'm5', ...yes]);
    await expectEndsForGood(m5, /m5 ends for good: .*removed/);
    await stage.managers.forget('m5');
    await insist(stage, ['managers', 'remove', 'm4', ...yes]);
    await expectEndsForGood(m4, /m4 ends for good: .*removed/);
    await stage.managers.forget('m4');
    expect((await stage.status())?.clusters[0]?.operation).toMatchObject({ kind: 'failover', startedBy: 'm5' });
    for (const lock of locks) lock.destroy();

    const operation = await stage.operationAfter(before, 60_000);
    expect(operation).toMatchObject({ kind: 'failover', phase: 'done', oldPrimary, startedBy: 'm5' });
    expect(operation.steps.at(-1)?.by).not.toBe('m5');
    await expectNothingLost(busy, operation.newPrimary);
    expect((await waitForVoters(stage, three)).removed).toEqual(['m5', 'm4']);
    figure(`5 to 3: epochs ${operation.epochs.join(', ')}; ${busy.acknowledged} writes, 0 lost`);
  });

  it('leaves one vote per manager and term, one leader per term, and one log', async () => {
    await Promise.all(stage.managers.all.map((manager) => manager.kill('SIGTERM')));
    expect(stage.managers.all.map(({ ended }) => ended?.code)).toEqual([0, 0, 0]);
    const elections = await electionsOf([...everybody.values()]);
    expect(elections.faults).toEqual([]);
    expect(elections.leaders).toBeGreaterThanOrEqual(3);
    expect(elections.votes).toBeGreaterThan(elections.leaders);
    const dumps = await Promise.all([...everybody.values()].map(dumpOf));
    expect(storeFaults(dumps, elections)).toEqual([]);
    expect(dumps.map(({ store }) => store.manager).sort()).toEqual([...three, 'm4', 'm5']);
    for (const { store } of dumps.filter((dump) => three.includes(dump.store.manager ?? ''))) {
      expect(store.members).toMatchObject({ voters: three, learners: [], removed: ['m5', 'm4'] });
    }
    figure(`${elections.votes} votes, ${elections.leaders} leaders`);

    // The same eyes on a log with a second vote, on votes that no log tells of, and on a store with another entry.
    const [[term, votedFor] = [0, '']] = elections.votesBy.get('m1') ?? [];
    const second = JSON.stringify({ event: 'vote-granted', term, to: votedFor === 'm2' ? 'm3' : 'm2' });
    const m1 = stage.managers.byId('m1');
    const twice = await electionsOf([{ id: 'm1', log: async () => `${await m1.log()}\n${second}\n` }]);
    expect(twice.faults).toEqual([expect.stringMatching(/^m1 voted for m\d and m\d in term/)]);
    expect(storeFaults(dumps, { ...elections, votesBy: new Map() }).length).toBeGreaterThan(0);
    const doctored = dumps.map((dump) => (dump.store.manager !== 'm1' ? dump : {
      ...dump, entries: dump.entries.map((entry, at) => (at === 3 ? { ...entry, words: 'another entry' } : entry)),
    }));
    expect(storeFaults(doctored, elections)).toContainEqual(expect.stringMatching(/^entry \d+: .*another entry/));
  });
});
