/** The leader dies in the middle of a planned change: before the promotion it is undone, after it it is finished. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OperationStatus } from '../../src/http/index.js';
import { until } from '../support/mysql-cluster.js';
import { clusterName, figure, Stage } from '../support/stage.js';
import type { Writer } from '../support/writer.js';

describe('a switchover whose leader dies', () => {
  let stage: Stage;
  let writer: Writer | null = null;

  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterEach(async () => {
    await writer?.stop();
    writer = null;
  });
  afterAll(() => stage.stop());

  /** Asks for db1 -> db2 (the leader dies once `step` is committed) and waits for the end of the operation. */
  async function switchOver(step: string): Promise<{ readonly operation: OperationStatus; readonly gapMs: number }> {
    await Promise.all(stage.managers.all.map((manager) => manager.restart({ HACTL_FAILPOINT: `switchover:${step}` })));
    await stage.settled();
    const before = await stage.lastOperationId();
    const busy = stage.writer();
    writer = busy;
    await until('the writer is at work', 10_000, () => busy.acknowledged > 50);
    const beganAtMs = performance.now();
    const asked = stage.hactl('switchover', clusterName, '--to', 'db2', '--yes');
    await until('the leader has died', 15_000, () => stage.managers.all.some((manager) => !manager.isRunning));
    const dead = stage.managers.all.filter((manager) => !manager.isRunning);
    const operation = await stage.operationAfter(before);
    await busy.waitForAck(performance.now(), 10_000);
    const { ms } = busy.longestGap(beganAtMs);
    await asked;
    expect(dead.map(({ id }) => id)).toEqual([operation.startedBy]);
    for (const manager of dead) await manager.restart();
    await stage.settled();
    expect(operation.epochs).toHaveLength(2);
    return { operation, gapMs: Math.round(ms) };
  }

  it('in the write pause is rolled back: the old primary takes writes again, and nothing is lost', async () => {
    const { operation, gapMs } = await switchOver('pause-writes');
    expect(operation).toMatchObject({ kind: 'switchover', phase: 'rolled-back', oldPrimary: 'db1' });
    expect(operation.reason).toMatch(/leader changed/);
    expect(operation.steps.map(({ step }) => step)).not.toContain('promote');
    await writer?.stop();
    expect(await stage.primaryName()).toBe('db1');
    expect(await writer?.findLost(stage.server('db1'))).toEqual([]);
    const [state] = await stage.server('db1').sql('SELECT @@read_only AS closed, @@offline_mode AS isOffline, '
      + '@@rpl_semi_sync_source_enabled AS waits');
    expect(state).toEqual({ closed: '0', isOffline: '0', waits: '1' });
    expect(await stage.follows('db2', 'db1') && await stage.follows('db3', 'db1')).toBe(true);
    figure(`leader killed in the write pause: rolled back, ${gapMs} ms without writes`);
  });

  it('after the promotion is finished by the next leader', async () => {
    const { operation, gapMs } = await switchOver('promote');
    expect(operation).toMatchObject({ kind: 'switchover', phase: 'done', oldPrimary: 'db1', newPrimary: 'db2' });
    await writer?.stop();
    expect(await stage.primaryName()).toBe('db2');
    expect(await writer?.findLost(stage.server('db2'))).toEqual([]);
    expect(await stage.follows('db1', 'db2') && await stage.follows('db3', 'db2')).toBe(true);
    const [state] = await stage.server('db1').sql('SELECT @@super_read_only AS closed, '
      + '@@rpl_semi_sync_source_enabled AS waits');
    expect(state).toEqual({ closed: '1', waits: '0' });
    figure(`leader killed after the promotion: done, ${gapMs} ms without writes`);
  });
});
