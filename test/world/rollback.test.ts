/** A rollback whose primary is out of reach: the one thing that must not be left behind is a primary that is closed. */
import { describe, expect, it } from 'vitest';
import { World } from './world.js';

const managers = ['m1', 'm2', 'm3'];
const everybody = [...managers, 'db2', 'db3', 'client'];

/** A switchover that has closed db1, which `others` cannot reach from then on. */
async function closedAndCutOff(others: readonly string[]): Promise<World> {
  const world = new World();
  await world.warmUp();
  world.requestSwitchover('db2');
  expect(await world.env.queue.runUntil(() => world.server('db1').superReadOnly, 5000)).toBe(true);
  world.isolate('db1', others);
  return world;
}

const kinds = (world: World): readonly string[] => world.cluster.history.map(({ kind, phase }) => `${kind}:${phase}`);

describe('a rollback', () => {
  it('does not end while the managers cannot reach a living primary, and opens it when they can', async () => {
    const world = await closedAndCutOff(managers);
    await world.env.queue.run(30_000);
    expect(world.cluster.operation).toMatchObject({ kind: 'switchover', phase: 'rolling-back' });
    expect(world.cluster.operation?.reason).toMatch(/the rollback goes on: not restored: db1/);
    world.reconnect('db1');
    expect(await world.untilEnded()).toBe(true);
    expect(kinds(world)).toEqual(['switchover:rolled-back']);
    expect(world.server('db1').takesWrites).toBe(true);
  });

  it('that ended with a dead primary still counts: one that is back before the failover is opened', async () => {
    const world = await closedAndCutOff(everybody);
    const hasEnded = (): boolean => world.cluster.history.length === 1;
    expect(await world.env.queue.runUntil(hasEnded, 40_000)).toBe(true);
    world.reconnect('db1');
    const hasGoneOn = (): boolean => world.cluster.operation === null && world.cluster.history.length === 2;
    expect(await world.env.queue.runUntil(hasGoneOn, 40_000)).toBe(true);
    expect(kinds(world)).toEqual(['switchover:rolled-back', 'failover:rolled-back']);
    expect(world.cluster).toMatchObject({ primary: 'db1', unrestored: null });
    expect(world.server('db1').takesWrites).toBe(true);
  });
});
