/**
 * A manager that starts on a store which is not its own of today (of another cluster, of yesterday, damaged) is
 * refused, or refuses itself, with a sentence that says what to do; the quorum goes on as if it were away.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { copyData, flipBitIn, putDataBack, setDataAside } from '../support/data-dirs.js';
import { linesSince, placesOf } from '../support/manager-log.js';
import { hactlCli, type ManagerProcess } from '../support/managers.js';
import { until } from '../support/mysql-cluster.js';
import { commitSomething, expectEndsForGood, expectUndisturbed } from '../support/quorum-changes.js';
import { clusterName, Stage } from '../support/stage.js';
import { dumpOf } from '../support/stopped-stores.js';

describe('a manager that starts on', () => {
  let stage: Stage;
  let victim: ManagerProcess;
  let others: readonly ManagerProcess[];

  beforeAll(async () => {
    // Long, so that a busy machine brings about no election that nobody asked for.
    const managerConfig = { raft: { election_timeout: '3s' } };
    stage = await Stage.start({ mysql: { replicas: 0, semiSync: false }, managerConfig });
  });
  beforeEach(async () => {
    await stage.settled();
    const { leader, followers: [one, other] } = await stage.roles();
    victim = one as ManagerProcess;
    others = [leader, other as ManagerProcess];
  });
  afterAll(() => stage.stop());

  /** It stops in order, and the others go on without it. */
  async function stopVictim(): Promise<void> {
    await victim.kill('SIGTERM');
    expect(victim.ended?.code).toBe(0);
    await commitSomething(stage);
  }

  /** With the right store it belongs again, and gets what it missed. */
  async function comesBack(): Promise<void> {
    await victim.restart();
    await stage.settled();
  }

  const other = 'another-cluster';
  const wrongCluster = (peer: string): unknown => (
    expect.objectContaining({ event: 'peer-disconnected', peer, reason: 'refused-wrong-cluster' })
  );

  it('the store of another cluster is refused by all, refuses all, and says so', async () => {
    await expectUndisturbed(stage, async () => {
      await stopVictim();
      await setDataAside(victim, 'right');
      const init = await hactlCli(['init', '--config', victim.configPath, '--cluster-id', other]);
      expect(init.code).toBe(0);
      const places = await placesOf(stage.managers.all);
      await victim.restart();
      await until('each has refused the others', 30_000, async () => {
        const [own, ...theirs] = await Promise.all([victim, ...others].map((one) => linesSince(places, one)));
        const refusers = (own ?? []).filter(({ reason }) => reason === 'refused-wrong-cluster').map(({ peer }) => peer);
        return others.every(({ id }) => refusers.includes(id)) && theirs.every((lines) => (
          lines.some(({ peer, reason }) => peer === victim.id && reason === 'refused-wrong-cluster')
        ));
      });
      await commitSomething(stage);
      expect((await stage.status())?.managers.find(({ id }) => id === victim.id)?.reachable).toBe(false);
      for (const { id } of others) expect(await linesSince(places, victim)).toContainEqual(wrongCluster(id));
      for (const one of others) {
        const lines = await linesSince(places, one);
        expect(lines).toContainEqual(expect.objectContaining({ event: 'peer-refused', reason: 'wrong-cluster' }));
        expect(lines.map(({ event }) => event)).not.toContain('vote-granted');
      }
      // It may be given right addresses later, so it goes on; but it leads nobody, and says so.
      const { code, stdout } = await hactlCli(['status'], { HACTL_URL: victim.url });
      expect(stdout).toMatch(/no quorum/);
      expect(code).toBe(0);
      await victim.kill('SIGTERM');
      expect(victim.ended?.code).toBe(0);
    });
    await setDataAside(victim, 'wrong');
    await putDataBack(victim, 'right');
    await comesBack();
  });

  it('the store of another cluster than its manager.yaml names does not start', async () => {
    await stopVictim();
    const right = await readFile(victim.configPath, 'utf8');
    await writeFile(victim.configPath, `cluster_id: ${other}\n${right}`);
    await victim.restart();
    await until('it has ended', 20_000, () => !victim.isRunning);
    expect(victim.ended).toEqual({ code: 6, signal: null });
    expect(await victim.lastLog()).toMatch(new RegExp(`it was made for cluster test, this is ${other}`));
    await writeFile(victim.configPath, right);
    await comesBack();
  });

  it('an older copy of its own store is refused for good', async () => {
    await expectUndisturbed(stage, async () => {
      await stopVictim();
      await copyData(victim, 'old');
      await comesBack();
      await commitSomething(stage);
      await stage.settled();
      await victim.kill('SIGTERM');
      await setDataAside(victim, 'new');
      await putDataBack(victim, 'old');
      await victim.restart();
      await expectEndsForGood(victim, new RegExp(
        `${victim.id} ends for good: m\\d refuses this manager \\(older-store\\): the data directory of ${victim.id} `
        + 'was set back: it is at write \\d+, and was at \\d+ before\\. Next: a copy or a backup has forgotten',
      ));
      await commitSomething(stage);
    });
    await putDataBack(victim, 'new');
    await comesBack();
  });

  it('a store with one bit flipped in what it acknowledged does not start', async () => {
    await expectUndisturbed(stage, async () => {
      await stopVictim();
      const { entries } = await dumpOf(victim);
      expect(entries.some(({ words }) => words.includes(clusterName))).toBe(true);
      await copyData(victim, 'whole');
      await flipBitIn(victim, clusterName);
      await victim.restart();
      const sentence = 'has lost something it acknowledged\n  why:  (entry \\d+ has|the database)';
      await expectEndsForGood(victim, new RegExp(`^error: the store in .* ${sentence}`));
      const verify = await hactlCli(['debug', 'verify-store', victim.dataDir, '--json']);
      expect(verify.code).toBe(3);
      expect(JSON.parse(verify.stdout)).toMatchObject({ verdict: { kind: 'faulted' } });
      await commitSomething(stage);
    });
    await putDataBack(victim, 'whole');
    await comesBack();
  });
});
