/**
 * A manager loses its disk, and is replaced while a failover runs. And the classic mistake: its id is started again on
 * a directory that was made anew, with votes forgotten. The others refuse it, whether they still wait for the lost one
 * or have replaced it, and do not suffer.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ManagerProcess } from '../support/managers.js';
import { wipeData } from '../support/data-dirs.js';
import { linesSince, placesOf } from '../support/manager-log.js';
import { until } from '../support/mysql-cluster.js';
import { addArgs, expectEndsForGood, expectUndisturbed, insist, waitForVoters } from '../support/quorum-changes.js';
import { figure, Stage } from '../support/stage.js';
import type { Writer } from '../support/writer.js';

describe('a manager with a lost disk', () => {
  let stage: Stage;
  let writer: Writer | null = null;

  beforeAll(async () => {
    // Long, so that a busy machine brings about no election that nobody asked for.
    stage = await Stage.start({ managerConfig: { raft: { election_timeout: '3s' } } });
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

  /** `hactl init` without --join, under the old id. */
  async function makeTheMistake(manager: ManagerProcess, reason: string, sentence: RegExp): Promise<void> {
    const others = stage.managers.all.filter((one) => one !== manager);
    const busy = writer ?? (await busyWriter());
    await expectUndisturbed(stage, async () => {
      const places = await placesOf([manager, ...others]);
      expect((await manager.init()).code).toBe(0);
      await manager.restart();
      await expectEndsForGood(manager, sentence);
      const own = await linesSince(places, manager);
      expect(own).toContainEqual(expect.objectContaining({ event: 'peer-disconnected', reason: `refused-${reason}` }));
      // A quorum of its own is what it would have looked for.
      expect(own.map(({ event }) => event)).not.toContain('elected');
      for (const other of others) {
        const events = (await linesSince(places, other)).map(({ event }) => event);
        expect(events).not.toContain('vote-granted');
        expect(events).not.toContain('pre-campaign-started');
      }
      await busy.waitForAck(performance.now(), 10_000);
    });
    await wipeData(manager);
  }

  async function replaceDuringFailover(victim: ManagerProcess, id: string): Promise<void> {
    const fresh = await stage.managers.join(id);
    const before = await stage.lastOperationId();
    const oldPrimary = await stage.primaryName();
    const busy = writer ?? (await busyWriter());
    const replacing = insist(stage, addArgs(fresh, '--replaces', victim.id, '--yes', '--json'));
    // Nothing of the old one is left by the time that it is replaced.
    await Promise.all([victim.kill('SIGKILL'), stage.server(oldPrimary).kill('SIGKILL')]);
    await wipeData(victim);
    const operation = await stage.operationAfter(before, 60_000);
    await replacing;
    await stage.managers.forget(victim.id);
    expect(operation).toMatchObject({ kind: 'failover', phase: 'done', oldPrimary });
    await busy.waitForAck(performance.now(), 20_000);
    await busy.stop();
    expect(await busy.findLost(stage.server(operation.newPrimary ?? ''))).toEqual([]);
    writer = null;
    const { removed } = await waitForVoters(stage, stage.managers.all.map((manager) => manager.id));
    expect(removed).toContain(victim.id);
    const epochs = operation.epochs.join(', ');
    figure(`${victim.id} replaced by ${id}: epochs ${epochs}; ${busy.acknowledged} writes, 0 lost`);
    await stage.rebuild(oldPrimary);
  }

  it('a follower: refused under its id, then replaced while a failover runs, and refused again', async () => {
    const victim = (await stage.roles()).followers[0] as ManagerProcess;
    await victim.kill('SIGKILL');
    await wipeData(victim);
    await makeTheMistake(victim, 'other-store', new RegExp(
      `${victim.id} ends for good: m\\d refuses this manager \\(other-store\\): ${victim.id} joined with another data `
      + 'directory: it was made anew.*Next: start the one with the data directory that it joined with',
    ));
    await replaceDuringFailover(victim, 'm4');
    await makeTheMistake(victim, 'removed', new RegExp(
      `${victim.id} ends for good: m\\d refuses this manager \\(removed\\): .*an id is used once.*Next: take it out`,
    ));
  });

  it('the leader: dies with the primary, is replaced during the failover, and is refused under its id', async () => {
    const victim = await stage.managers.waitForLeader();
    await replaceDuringFailover(victim, 'm5');
    await makeTheMistake(victim, 'removed', new RegExp(`${victim.id} ends for good: .*\\(removed\\)`));
  });
});
