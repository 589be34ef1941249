/** Planned switchovers, with clients that write all the time. */
import { describe, expect, it } from 'vitest';
import { problemsOf, settingsOfAll } from './final-checks.js';
import { World } from './world.js';

async function warmWorld(seed = 1): Promise<World> {
  const world = new World({ seed });
  await world.warmUp();
  return world;
}

describe('a switchover', () => {
  it.each([1, 2, 3, 4, 5])('swaps the two servers and loses nothing (seed %i)', async (seed) => {
    const world = await warmWorld(seed);
    world.requestSwitchover('db3');
    await world.untilEnded();
    expect(problemsOf(world, { phases: ['done'], primary: 'db3' })).toBe('');
    expect(world.server('db1').acknowledges).toBe(true);
    expect(world.server('db1').waitsForAcks).toBe(false);
    expect(world.server('db3').waitsForAcks).toBe(true);
  });

  it('goes there and back', async () => {
    const world = await warmWorld();
    const before = settingsOfAll(world);
    world.requestSwitchover('db2');
    await world.untilEnded();
    world.requestSwitchover('db1');
    await world.env.queue.runUntil(() => world.cluster.history.length === 2, 20_000);
    await world.env.queue.run(1500);
    expect(problemsOf(world, { phases: ['done'], primary: 'db1' })).toBe('');
    // The acknowledgement flag of a primary means nothing until it replicates again.
    const plain = (all: readonly string[]): string[] => (
      all.map((text) => text.replace('waitsForAcks acknowledges', 'waitsForAcks'))
    );
    expect(plain(settingsOfAll(world))).toEqual(plain(before));
  });

  it('touches nothing when a replica is broken', async () => {
    const world = await warmWorld();
    world.server('db3').replica?.stopApplier('duplicate key');
    const before = settingsOfAll(world);
    world.requestSwitchover('db2');
    await world.untilEnded();
    expect(world.lastOperation?.phase).toBe('rolled-back');
    expect(world.lastOperation?.reason).toMatch(/db3 does not apply: duplicate key/);
    expect(settingsOfAll(world)).toEqual(before);
    expect(world.invariants.violations).toEqual([]);
  });

  it('rolls back to how everything was when the target does not catch up in time', async () => {
    const world = await warmWorld();
    const before = settingsOfAll(world);
    const target = world.server('db2');
    world.log.onCommit(({ command }) => {
      if (command.kind !== 'step-started' || command.step !== 'pause-writes') return;
      // The last write before the pause is one that the target needs very long for.
      target.applyMs = 20_000;
      world.server('db1').commit('client', () => undefined);
    });
    world.requestSwitchover('db2');
    await world.untilEnded(60_000);
    target.applyMs = 0.5;
    await world.env.queue.run(25_000);
    expect(problemsOf(world, { phases: ['rolled-back'], primary: 'db1' })).toBe('');
    expect(settingsOfAll(world)).toEqual(before);
  });
});
