/**
 * Managers of two builds in one quorum: this checkout's, and a later one (the same sources with patches) whose
 * replicated state has a version 2. With it comes `durability: lossless` as an example of what older builds do not
 * understand. Everything works while they are mixed, and what needs version 2 is refused until all voters know it;
 * after that there is no going back, and a build that is too old ends without harm to the others.
 */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ManagersResponse } from '../../src/http/index.js';
import { removeDir, temporaryDir } from '../support/child-process.js';
import { writeClustersFile, type CliResult } from '../support/managers.js';
import { ManualManagers, type ManualManager } from '../support/manual-manager.js';
import { until } from '../support/mysql-cluster.js';
import { buildProgram, presentProgram, type Patch } from '../support/other-build.js';
import { clusterName, figure, Stage } from '../support/stage.js';
import type { Writer } from '../support/writer.js';

const limitMs = 60_000;

const nextPatches: readonly Patch[] = [
  { file: 'ha/reducer-version.ts', from: 'export const reducerMax = 1;', to: 'export const reducerMax = 2;' },
  {
    file: 'ha/reducer-version.ts',
    from: 'return command.kind === \'reducer-version-raised\' ? command.to : 1;',
    to: `if (command.kind === 'reducer-version-raised') return command.to;
      if (command.kind !== 'config-applied') return 1;
      return Object.values(command.clusters).some((spec) => spec.durability === 'lossless') ? 2 : 1;`,
  },
  {
    file: 'config/clusters-config.ts',
    from: '.refine((value) => value !== \'lossless\', {',
    to: '.refine(() => true, {',
  },
  {
    file: 'config/clusters-config.ts',
    from: '.refine((value) => value === \'async\', { error: \'must be async\' })\n'
      + '  .transform(() => \'async\' as const)',
    to: '.refine((value) => [\'async\', \'lossless\'].includes(value), { error: \'must be async or lossless\' })',
  },
];
/** It takes a snapshot after every few entries. */
const eagerPatches: readonly Patch[] = [
  ...nextPatches, { file: 'raft/core/config.ts', from: 'snapshotEntries: 4096,', to: 'snapshotEntries: 2,' },
];
/** It has given up the protocol that this build speaks. */
const foreignPatches: readonly Patch[] = [
  ...nextPatches,
  { file: 'rpc/limits.ts', from: 'export const protocolMin = 1;', to: 'export const protocolMin = 2;' },
  { file: 'rpc/limits.ts', from: 'export const protocolMax = 1;', to: 'export const protocolMax = 2;' },
];

describe('a rolling upgrade', () => {
  let stage: Stage;
  let writer: Writer;
  let dir = '';
  let [next, eager, foreign] = ['', '', ''];
  const started = new ManualManagers();
  const running = new Map<string, ManualManager>();
  /** Each test goes on where the one before ended: when that failed, the rest says nothing. */
  let reached: 'none mixed' | 'mixed' | 'upgraded' = 'none mixed';

  beforeAll(async () => {
    dir = await temporaryDir('builds');
    [next, eager, foreign] = await Promise.all([
      buildProgram(dir, 'next', nextPatches),
      buildProgram(dir, 'eager', eagerPatches),
      buildProgram(dir, 'foreign', foreignPatches),
    ]);
    stage = await Stage.start();
    writer = stage.writer({ intervalMs: 20 });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stdout.write(`${await started.tails()}\n`);
  });
  afterAll(async () => {
    await writer.stop();
    await started.stopAll();
    await stage.stop();
    removeDir(dir);
  });

  /** As a person does it: SIGTERM, and another program on the same data. */
  async function exchange(id: string, program: string): Promise<ManualManager> {
    const before = stage.managers.byId(id);
    const now = running.get(id);
    if (now === undefined) await before.kill('SIGTERM');
    else await now.stop();
    expect(now === undefined ? before.ended : now.program.ended).toEqual({ code: 0, signal: null });
    const manager = started.start(program, before.configPath);
    running.set(id, manager);
    return manager;
  }

  async function upgrade(id: string): Promise<void> {
    await exchange(id, next);
    await stage.settled();
  }

  async function leaderId(): Promise<string> {
    let leader: string | null = null;
    await until('there is a leader', limitMs, async () => {
      leader = (await stage.status())?.leader ?? null;
      return leader !== null;
    });
    return leader ?? '';
  }

  async function managers(): Promise<ManagersResponse> {
    const { code, stdout, stderr } = await stage.hactl('managers', '--json');
    if (code !== 0) throw new Error(stdout + stderr);
    return JSON.parse(stdout) as ManagersResponse;
  }

  async function apply(durability: 'async' | 'lossless'): Promise<CliResult> {
    const file = await writeClustersFile(join(dir, 'files'), clusterName, { ...stage.mysql, config: { durability } });
    return stage.hactl('apply', file, '--yes');
  }

  async function switchover(): Promise<void> {
    const { code, stdout, stderr } = await stage.hactl('switchover', clusterName, '--yes');
    expect(code, stdout + stderr).toBe(0);
    await stage.settled();
  }

  it('keeps working while the builds are mixed, under either of them', { timeout: 300_000 }, async () => {
    const oldLeader = await leaderId();
    const [first = '', second = ''] = ['m1', 'm2', 'm3'].filter((id) => id !== oldLeader);

    await upgrade(first);
    expect(await leaderId()).toBe(oldLeader);
    await switchover();
    // The old build does not know the word at all.
    const unknownWord = await apply('lossless');
    expect(unknownWord.code).toBe(2);
    expect(unknownWord.stderr).toContain('lossless comes with a later version');

    expect((await stage.hactl('managers', 'transfer', '--to', first, '--yes')).code).toBe(0);
    await stage.settled();
    expect(await leaderId()).toBe(first);
    await switchover();
    const early = await apply('lossless');
    expect(early.code).toBe(6);
    expect(early.stderr).toContain('this needs reducer version 2, and the managers are at 1: upgrade all of them');
    // What both builds understand is taken (its files with passwords are at another place than before).
    expect((await apply('async')).stdout).toContain('as configuration version 2');

    await upgrade(second);
    const primary = await stage.primaryName();
    const before = await stage.lastOperationId();
    await stage.server(primary).kill('SIGKILL');
    expect(await stage.operationAfter(before, limitMs)).toMatchObject({ kind: 'failover', phase: 'done' });
    await writer.waitForAck(performance.now(), limitMs);
    await stage.rebuild(primary);
    expect((await apply('lossless')).code).toBe(6);
    expect((await managers()).reducerVersion).toBe(1);
    expect((await managers()).managers.find(({ id }) => id === oldLeader)).toMatchObject({ reducerMax: 1 });
    reached = 'mixed';
  });

  it('goes to the new version by itself once all voters understand it', { timeout: 200_000 }, async () => {
    expect(reached).toBe('mixed');
    const last = (await managers()).managers.find(({ reducerMax }) => reducerMax === 1);
    await upgrade(last?.id ?? '');
    await until('the version was raised', limitMs, async () => (await managers()).reducerVersion === 2);
    const accepted = await apply('lossless');
    expect(accepted.code, accepted.stderr).toBe(0);
    await switchover();
    expect((await stage.status())?.clusters[0]).toMatchObject({ durability: 'lossless', state: 'healthy' });
    reached = 'upgraded';
  });

  /** The first event of a process that says this. */
  async function said(manager: ManualManager, facts: Readonly<Record<string, unknown>>): Promise<unknown> {
    const fits = (event: Readonly<Record<string, unknown>>): boolean =>
      Object.entries(facts).every(([name, value]) => event[name] === value);
    let found: unknown;
    await until(`${JSON.stringify(facts)} is logged`, limitMs, async () => {
      found = (await manager.events()).find(fits);
      return found !== undefined;
    });
    return found;
  }

  async function aFollower(): Promise<string> {
    const leader = await leaderId();
    return ['m1', 'm2', 'm3'].find((id) => id !== leader) ?? '';
  }

  /** An old build on this manager's store ends for good, and the other two go on as if it were just stopped. */
  async function endsTooOld(id: string, why: string): Promise<void> {
    const old = await exchange(id, presentProgram);
    expect(await old.program.end).toEqual({ code: 3, signal: null });
    const printed = await old.printed();
    expect(printed).toContain('this build of hactl is older than what the managers have agreed on');
    expect(printed).toContain(`${why}, and this build understands up to version 1`);
    expect(printed).toContain('start this manager with the build of the others');
    const { code, stdout, stderr } = await stage.hactl('switchover', clusterName, '--yes');
    expect(code, stdout + stderr).toBe(0);
    await writer.waitForAck(performance.now(), limitMs);
    for (const [other, manager] of running) {
      if (other !== id) expect(await manager.printed()).not.toContain('"halted"');
    }
  }

  it('is not undone: an old build ends at the log, and at a snapshot', { timeout: 300_000 }, async () => {
    expect(reached).toBe('upgraded');
    const id = await aFollower();
    await endsTooOld(id, 'the log holds an entry of version 2');
    // What the old build left behind is whole: the new one goes on with it.
    running.set(id, started.start(eager, stage.managers.byId(id).configPath));
    await stage.settled();
    await switchover();
    await endsTooOld(id, 'the snapshot has version 2');
    running.set(id, started.start(next, stage.managers.byId(id).configPath));
    await stage.settled();
  });

  it('is refused on both sides, with the versions, where no protocol is common', { timeout: 200_000 }, async () => {
    expect(reached).toBe('upgraded');
    const [id, leader] = [await aFollower(), await leaderId()];
    const stranger = await exchange(id, foreign);
    const detail = `the build of ${id} speaks versions 2 to 2 of the protocol, that of ${leader} 1 to 1`;
    const reason = 'refused-protocol-version';
    expect(await said(stranger, { event: 'peer-disconnected', reason, peer: leader })).toMatchObject({ detail });
    const atLeader = running.get(leader);
    if (atLeader === undefined) throw new Error(`${leader} was not upgraded`);
    const atOther = await said(atLeader, { event: 'peer-refused', from: id });
    expect(atOther).toMatchObject({ reason: 'protocol-version', detail });
    const { code, stdout, stderr } = await stage.hactl('switchover', clusterName, '--yes');
    expect(code, stdout + stderr).toBe(0);
    await exchange(id, next);
    await stage.settled();
  });

  it('has lost no write', async () => {
    await writer.waitForAck(performance.now(), limitMs);
    await writer.stop();
    expect(await writer.findLost(stage.server(await stage.primaryName()))).toEqual([]);
    figure(`rolling upgrade: ${writer.acknowledged} writes, 0 lost`);
  });
});
