/** An id is used once: whoever was removed ends and stays away, whether it was there to see it or not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagerProcess } from '../support/managers.js';
import { linesOf } from '../support/manager-log.js';
import {
  addArgs, commitSomething, expectEndsForGood, expectUndisturbed, insist, managersNow, votersOf, waitForVoters,
} from '../support/quorum-changes.js';
import { Stage } from '../support/stage.js';

describe('a removed manager', () => {
  let stage: Stage;

  beforeAll(async () => {
    const managerConfig = { raft: { election_timeout: '3s' } };
    stage = await Stage.start({ mysql: { replicas: 0, semiSync: false }, managerConfig });
  });
  afterAll(() => stage.stop());

  async function comesBackInVain(manager: ManagerProcess): Promise<void> {
    await expectUndisturbed(stage, async () => {
      await manager.restart();
      await expectEndsForGood(manager, new RegExp(`manager ${manager.id} ends for good: .*removed.*Next: take it out`));
    });
    const { code, stdout } = await stage.hactl(...addArgs(manager), '--yes', '--json');
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toMatchObject({ error: {
      code: 'refused', details: [`${manager.id} was removed, and an id is used once: what it promised is bound to it`],
    } });
  }

  it('ends by itself with exit code 3, and so does every later start of it', async () => {
    const { followers: [victim] } = await stage.roles();
    if (victim === undefined) throw new Error('no follower');
    const { term } = await managersNow(stage);
    await insist(stage, ['managers', 'remove', victim.id, '--yes', '--json']);
    await expectEndsForGood(victim, /ends for good: .*removed.*Next: take it out of its supervisor/);
    await stage.managers.forget(victim.id);
    const after = await managersNow(stage);
    expect(after).toMatchObject({ term, removed: [victim.id] });
    expect(votersOf(after)).toEqual(stage.managers.all.map(({ id }) => id));
    await comesBackInVain(victim);
  });

  it('that was down when it was removed is refused when it comes back', async () => {
    const m4 = await stage.managers.join('m4');
    await insist(stage, addArgs(m4, '--yes', '--json'));
    await waitForVoters(stage, stage.managers.all.map(({ id }) => id));
    const { followers } = await stage.roles();
    const victim = followers[0] as ManagerProcess;
    await victim.kill('SIGKILL');
    await commitSomething(stage);
    await insist(stage, ['managers', 'remove', victim.id, '--yes', '--json']);
    await stage.managers.forget(victim.id);
    const { removed } = await managersNow(stage);
    expect(removed).toContain(victim.id);
    const before = (await linesOf(victim)).length;
    await comesBackInVain(victim);
    // It knew nothing of it: the others told it.
    const refusals = (await linesOf(victim)).slice(before).filter(({ event }) => event === 'peer-disconnected');
    expect(refusals).toContainEqual(expect.objectContaining({ reason: 'refused-removed' }));
  });
});
