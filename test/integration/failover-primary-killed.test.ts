/** The main job on real servers: mysqld of the primary is killed under a writer, another server takes over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/mysql-cluster.js';
import { watchPrimary } from '../support/primary-watch.js';
import { askCode, clusterName, figure, Stage } from '../support/stage.js';

describe('the primary is killed under a writer', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.start({ serverConfig: { db3: { candidate: 'prefer' } } });
  });
  afterAll(() => stage.stop());

  /** For every manager: the servers that it says are the primary. */
  async function namedByEach(): Promise<readonly string[][]> {
    return Promise.all(stage.managers.urls.map(async (url) => {
      const codes = await Promise.all(stage.serverNames.map(async (server) => {
        const code = await askCode(`${url}/clusters/${clusterName}/servers/${server}/primary`);
        if (code !== 200) expect(code).toBe(503);
        return { server, code };
      }));
      return codes.filter(({ code }) => code === 200).map(({ server }) => server);
    }));
  }

  it('a preferred server that is behind gets what it lacks from the one that is ahead', async () => {
    const writer = stage.writer();
    await writer.waitForAck(0, 10_000);
    await stage.server('db3').sql('STOP REPLICA IO_THREAD');
    const behindAt = writer.acknowledged;
    await until('db3 is a hundred writes behind', 15_000, () => writer.acknowledged > behindAt + 100);
    await stage.server('db1').kill('SIGKILL');
    const operation = await stage.operationAfter(null);
    await writer.waitForAck(performance.now(), 10_000);
    await writer.stop();

    expect(operation).toMatchObject({ phase: 'done', oldPrimary: 'db1', newPrimary: 'db3' });
    const catchUp = operation.steps.find(({ step }) => step === 'catch-up');
    expect(Object.keys(catchUp?.result?.['fetched'] as object)).toEqual(['db2']);
    expect(await writer.findLost(stage.server('db3'))).toEqual([]);
    expect(writer.acknowledged).toBeGreaterThan(behindAt + 100);
    await until('db2 follows db3', 5000, () => stage.follows('db2', 'db3'));
    figure(`catch-up from the one ahead: ${catchUp?.durationMs} ms; ${writer.acknowledged} acknowledged, 0 lost`);
  });

  it('a replica takes over, nothing acknowledged is lost, and no manager ever takes its word back', async () => {
    await stage.rebuild('db1');
    await stage.apply({ serverConfig: { db2: { candidate: 'prefer' } } });
    const { epoch, lastOperation } = await stage.settled();
    const writer = stage.writer();
    await until('the writer is at work', 10_000, () => writer.acknowledged > 100);
    expect(await namedByEach()).toEqual([['db3'], ['db3'], ['db3']]);
    const watch = watchPrimary(stage.managers.urls, clusterName);
    await until('every manager was asked', 5000, () => watch.answers.length > 30);
    const killedAtMs = performance.now();
    await stage.server('db3').kill('SIGKILL');
    const operation = await stage.operationAfter(lastOperation?.id ?? null);
    await writer.waitForAck(performance.now(), 10_000);
    await until('all managers name the new primary', 5000, () => (
      watch.answers.slice(-3).every(({ primary }) => primary === 'db2')
    ));
    await watch.stop();
    await writer.stop();

    expect(operation).toMatchObject({
      kind: 'failover', phase: 'done', oldPrimary: 'db3', newPrimary: 'db2', epochs: [epoch + 1],
    });
    expect(operation.steps.map(({ step }) => step)).toEqual([
      'confirm', 'fence', 'freeze', 'survey', 'choose', 'catch-up', 'promote', 'publish', 're-point', 'finish',
    ]);
    expect(await writer.findLost(stage.server('db2'))).toEqual([]);
    expect(watch.takenBack()).toEqual([]);
    // Each of the three was heard with both names: otherwise the line above says nothing.
    for (const url of stage.managers.urls) {
      const names = new Set(watch.answers.filter((answer) => answer.url === url).map(({ primary }) => primary));
      expect(names).toEqual(new Set(['db3', null, 'db2']));
    }
    expect(await namedByEach()).toEqual([['db2'], ['db2'], ['db2']]);
    expect(await askCode(`${stage.managers.urls[0]}/clusters/${clusterName}/servers/db9/primary`)).toBe(404);
    await until('a former primary that came back follows too', 5000, () => stage.follows('db1', 'db2'));
    const [state] = await stage.server('db2').sql(
      'SELECT @@read_only AS closed, (SELECT VARIABLE_VALUE FROM performance_schema.global_status '
      + "WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_status') AS semiSync",
    );
    expect(state).toEqual({ closed: '0', semiSync: 'ON' });
    const gap = writer.longestGap(killedAtMs);
    figure(`failover: ${Math.round(gap.ms)} ms without writes, ${writer.acknowledged} acknowledged, 0 lost; nobody was`
      + ` named for ${Math.round(watch.namelessMs('db3', 'db2'))} ms (${watch.answers.length} answers)`);
  });
});
