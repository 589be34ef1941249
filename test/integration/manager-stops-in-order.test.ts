/** SIGTERM: a leader hands over before it goes, so that nobody has to miss it first; a follower just goes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, linesSince, placesOf } from '../support/manager-log.js';
import { until } from '../support/mysql-cluster.js';
import { commitSomething, expectUndisturbed, managersNow } from '../support/quorum-changes.js';
import { askStatus, Stage } from '../support/stage.js';

describe('a manager that is stopped with SIGTERM', () => {
  let stage: Stage;

  beforeAll(async () => {
    // Long, so that a busy machine brings about no election that nobody asked for.
    const managerConfig = { raft: { election_timeout: '3s' } };
    stage = await Stage.start({ mysql: { replicas: 0, semiSync: false }, managerConfig });
  });
  afterAll(() => stage.stop());

  it('as the leader hands over, ends with exit code 0, and the others need no election of their own', async () => {
    const { leader, followers } = await stage.roles();
    const { term } = await managersNow(stage);
    const places = await placesOf(stage.managers.all);
    await leader.kill('SIGTERM');
    expect(leader.ended).toEqual({ code: 0, signal: null });
    await until('another one leads', 20_000, async () => (
      (await Promise.all(followers.map(({ url }) => askStatus(url)))).some((status) => (
        status !== null && status.leader === status.manager
      ))
    ));
    await commitSomething(stage);

    const last = await linesSince(places, leader);
    const handedOver = last.find(({ event }) => event === 'handed-over');
    expect(last.map(({ event }) => event)).toEqual(expect.arrayContaining([
      'reign-ended', 'transfer-begun', 'handed-over', 'leadership-handed-over', 'manager-stopped',
    ]));
    expect(last.at(-1)?.event).toBe('manager-stopped');
    expect(handedOver).toMatchObject({ term });
    for (const manager of followers) {
      const lines = await linesSince(places, manager);
      const events = lines.map(({ event }) => event);
      // Whoever misses a leader asks first: nobody did, so no election timeout passed for anybody.
      expect(events).not.toContain('pre-campaign-started');
      const isNext = manager.id === handedOver?.['to'];
      expect(lines.filter(({ event }) => event === 'elected')).toEqual(
        isNext ? [expect.objectContaining({ term: term + 1 })] : [],
      );
    }
    expect((await managersNow(stage)).leader).toBe(handedOver?.['to']);
    await leader.restart();
    await stage.settled();
    expect((await managersNow(stage)).term).toBe(term + 1);
  });

  it('as a follower ends with exit code 0, and nothing changes for the others', async () => {
    const { followers: [follower] } = await stage.roles();
    if (follower === undefined) throw new Error('no follower');
    const places = await placesOf(stage.managers.all);
    await expectUndisturbed(stage, async () => {
      await follower.kill('SIGTERM');
      expect(follower.ended).toEqual({ code: 0, signal: null });
      await until('the leader misses it', 10_000, async () => (await stage.status())?.quorum.reachable === 2);
      await commitSomething(stage);
      await follower.restart();
      await stage.settled();
    });
    for (const manager of stage.managers.all) {
      const events = (await linesSince(places, manager)).map(({ event }) => event);
      expect(events).not.toContain('pre-campaign-started');
      expect(events).not.toContain('transfer-begun');
    }
    expect((await linesOf(follower)).filter(({ event }) => event === 'manager-stopped').length).toBeGreaterThan(0);
  });
});
