/**
 * The quorum is lost for good in the middle of a failover, and a person goes the way of docs/managers-recovery.md with
 * the program as it is: compare the survivors, recover one, which ends the failover; add two new managers; and what of
 * before comes back is a stranger.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { ManagersResponse, OperationStatus, StatusResponse } from '../../src/http/index.js';
import { hactlCli, primaryFinder, type CliResult } from '../support/managers.js';
import { ManualManagers, type ManualManager } from '../support/manual-manager.js';
import { until } from '../support/mysql-cluster.js';
import { presentProgram } from '../support/other-build.js';
import { freePort } from '../support/ports.js';
import { askCode, askStatus, clusterName, figure, Stage } from '../support/stage.js';
import { startWriter, type Writer } from '../support/writer.js';

const limitMs = 60_000;

interface Place {
  readonly id: string;
  readonly rpc: string;
  readonly http: string;
  readonly configPath: string;
}

interface DryRun {
  readonly plan: { readonly lastTerm: number; readonly lastIndex: number; readonly clusters: readonly string[] };
}

describe('a quorum that is lost for good', () => {
  let stage: Stage;
  let writer: Writer;
  let oldPrimary = '';
  let epochBefore = 0;
  let survivor: Place;
  let lineage = '';
  let running: ManualManager;
  const places: Place[] = [];
  const lost: Place[] = [];
  const locks: Connection[] = [];
  const manual = new ManualManagers();

  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stdout.write(`${await manual.tails()}\n`);
  });
  afterAll(async () => {
    for (const lock of locks) lock.destroy();
    await writer.stop();
    await manual.stopAll();
    await stage.stop();
  });

  async function placeOf(id: string, configPath: string): Promise<Place> {
    const { managers } = parse(await readFile(configPath, 'utf8')) as {
      readonly managers: Readonly<Record<string, { readonly rpc: string; readonly http: string }>>;
    };
    const own = managers[id];
    if (own === undefined) throw new Error(`${configPath} does not name ${id}`);
    return { id, ...own, configPath };
  }

  const recover = (place: Place, ...more: readonly string[]): Promise<CliResult> => (
    hactlCli(['managers', 'recover', '--config', place.configPath, '--cluster-id', 'test', ...more])
  );
  const hactl = (...args: readonly string[]): Promise<CliResult> => (
    hactlCli(args, { HACTL_URL: places.map(({ http }) => `http://${http}`).join() })
  );

  async function ok(result: Promise<CliResult>): Promise<string> {
    const { code, stdout, stderr } = await result;
    expect(code, stdout + stderr).toBe(0);
    return stdout + stderr;
  }

  const status = (place: Place): Promise<StatusResponse | null> => askStatus(`http://${place.http}`);

  /** The operation that a manager knows to be running, when it has come to this step. */
  async function runningAt(place: Place, step: string): Promise<OperationStatus | null> {
    const operation = (await status(place))?.clusters[0]?.operation ?? null;
    return operation?.steps.at(-1)?.step === step ? operation : null;
  }

  /** The first event of a process that says this. */
  async function said(manager: ManualManager, event: string, reason: string): Promise<Record<string, unknown>> {
    let found: Readonly<Record<string, unknown>> | undefined;
    await until(`${event} with ${reason} is logged`, limitMs, async () => {
      found = (await manager.events()).find((one) => one['event'] === event && one['reason'] === reason);
      return found !== undefined;
    });
    return { ...found };
  }

  it('is lost while a failover is in its catch-up', async () => {
    for (const { id, configPath } of stage.managers.all) lost.push(await placeOf(id, configPath));
    oldPrimary = await stage.primaryName();
    const names = [...stage.managers.urls];
    writer = startWriter({
      intervalMs: 20,
      findPrimary: () => primaryFinder([...names, ...places.map(({ http }) => `http://${http}`)], clusterName)(),
    });
    await writer.waitForAck(0, limitMs);
    for (const name of stage.serverNames.filter((one) => one !== oldPrimary)) {
      const connection = await stage.server(name).connect();
      await connection.query('LOCK TABLES app.writes READ');
      locks.push(connection);
    }
    // Received by a replica, and not applied as long as its table is locked: the failover waits for it.
    await writer.waitForAck(performance.now(), limitMs);
    await stage.server(oldPrimary).kill('SIGKILL');
    for (const place of lost) {
      await until(`${place.id} knows of the catch-up`, limitMs, async () => {
        const operation = await runningAt(place, 'catch-up');
        epochBefore = operation?.epochs.at(-1) ?? 0;
        return operation !== null;
      });
    }
    await Promise.all(stage.managers.all.map((manager) => manager.kill('SIGKILL')));
  });

  it('leaves survivors that can be compared, and of which one goes on alone', async () => {
    // The first one's disk is gone for good.
    const survivors = lost.slice(1);
    const reach = new Map<Place, DryRun['plan']>();
    for (const place of survivors) {
      const { plan } = JSON.parse((await recover(place, '--dry-run', '--json')).stdout) as DryRun;
      expect(plan.clusters.join()).toContain('failover');
      reach.set(place, plan);
    }
    const furthest = (one: Place, other: Place): number => {
      const [mine, theirs] = [reach.get(one), reach.get(other)];
      if (mine === undefined || theirs === undefined) return 0;
      return theirs.lastTerm - mine.lastTerm || theirs.lastIndex - mine.lastIndex;
    };
    const [best] = [...survivors].sort(furthest);
    if (best === undefined) throw new Error('nobody survived');
    survivor = best;
    lost.splice(lost.indexOf(survivor), 1);

    const unasked = await recover(survivor);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const report = await ok(recover(survivor, '--yes'));
    lineage = /lineage (\d{8}-[0-9a-f]{8})/.exec(report)?.[1] ?? '';
    expect(lineage).not.toBe('');
    expect(report).toContain(`--join --lineage ${lineage}`);
    expect(await ok(recover(survivor, '--yes'))).toContain('nothing to do');
  });

  it('is ended as soon as the survivor leads, which knows all that was known', async () => {
    for (const lock of locks.splice(0)) lock.destroy();
    running = manual.start(presentProgram, survivor.configPath);
    places.push(survivor);
    let ended: OperationStatus | null = null;
    await until('the failover has ended', limitMs, async () => {
      const seen = (await status(survivor))?.clusters[0];
      ended = seen?.operation === null ? seen.lastOperation : null;
      return ended !== null;
    });
    expect(ended).toMatchObject({
      kind: 'failover', phase: 'done', oldPrimary, epochs: [epochBefore, epochBefore + 1],
    });
    expect(await status(survivor)).toMatchObject({ leader: survivor.id, quorum: { reachable: 1, voters: 1 } });
    const managers = JSON.parse(await ok(hactl('managers', '--json'))) as ManagersResponse;
    expect(managers).toMatchObject({ lineage, removed: expect.arrayContaining(lost.map(({ id }) => id)) as string[] });
    await writer.waitForAck(performance.now(), limitMs);
  });

  /** As a person prepares a new manager on a new host. */
  async function prepare(id: string, ...options: readonly string[]): Promise<Place> {
    const home = join(stage.managers.dir, id);
    await mkdir(home, { recursive: true });
    const own = { rpc: `127.0.0.1:${await freePort()}`, http: `127.0.0.1:${await freePort()}` };
    const others = Object.fromEntries(places.map(({ id: other, rpc, http }) => [other, { rpc, http }]));
    const managers = { [id]: own, ...others };
    const configPath = join(home, 'manager.yaml');
    await writeFile(configPath, stringify({ id, data_dir: 'data', managers }));
    const told = await ok(hactlCli(['init', '--config', configPath, '--cluster-id', 'test', '--join', ...options]));
    expect(told).toContain(`hactl managers add ${id} --rpc ${own.rpc} --http ${own.http}`);
    return { id, ...own, configPath };
  }

  it('is three again with two new ones, which are told the lineage', { timeout: 300_000 }, async () => {
    const strange = await prepare('m9');
    const stranger = manual.start(presentProgram, strange.configPath);
    const refusal = await said(stranger, 'peer-disconnected', 'refused-wrong-cluster');
    expect(refusal['detail']).toContain('another lineage');
    await stranger.stop();

    for (const id of ['m4', 'm5']) {
      const place = await prepare(id, '--lineage', lineage);
      manual.start(presentProgram, place.configPath);
      await ok(hactl('managers', 'add', id, '--rpc', place.rpc, '--http', place.http, '--yes'));
      places.push(place);
    }
    const { managers, quorum } = JSON.parse(await ok(hactl('managers', '--json'))) as ManagersResponse;
    expect(quorum).toMatchObject({ voters: 3, reachable: 3 });
    expect(managers.map(({ id, part }) => `${id} ${part}`).sort())
      .toEqual([survivor.id, 'm4', 'm5'].map((id) => `${id} voter`).sort());
    const again = await hactl('managers', 'add', lost[0]?.id ?? '', '--rpc', 'a:1', '--http', 'a:2', '--yes');
    expect([again.code, again.stderr]).toEqual([6, expect.stringContaining('removed')]);
  });

  it('keeps out a manager of before that comes back', async () => {
    const [back] = lost;
    if (back === undefined) throw new Error('nobody was lost');
    const old = manual.start(presentProgram, back.configPath);
    expect(await said(old, 'peer-disconnected', 'refused-wrong-cluster')).toMatchObject({ peer: survivor.id });
    await until(`${survivor.id} has refused ${back.id}`, limitMs, async () => (
      (await running.events()).some((one) => one['event'] === 'peer-refused' && one['from'] === back.id)
    ));
    // It knows nobody else, so it is nobody: it does not lead, and names no primary.
    expect(await askCode(`http://${back.http}/leader`)).toBe(503);
    expect(await askCode(`http://${back.http}/clusters/${clusterName}/primary`)).toBe(503);
    await old.stop();
  });

  it('has lost no write, and works under the new ones when the survivor goes too', { timeout: 300_000 }, async () => {
    await running.stop();
    await ok(hactl('switchover', clusterName, '--yes'));
    await writer.waitForAck(performance.now(), limitMs);
    await writer.stop();
    const leader = (await Promise.all(places.map(status))).find((one) => one !== null && one.leader === one.manager);
    const primary = leader?.clusters[0]?.primary ?? '';
    expect(await writer.findLost(stage.server(primary))).toEqual([]);
    figure(`recovered from a lost quorum in a failover: ${writer.acknowledged} writes, 0 lost`);
  });
});
