/** Failovers in worlds of every shape, with clients that write all the time. */
import { describe, expect, it } from 'vitest';
import { serverName } from '../../src/base/index.js';
import { problemsOf, settingsOfAll } from './final-checks.js';
import { World } from './world.js';
import type { WorldOptions } from './world.js';

async function warmWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.warmUp();
  return world;
}

const done = { phases: ['done'], away: ['db1'] } as const;
const stepResult = (world: World, step: string): Readonly<Record<string, unknown>> =>
  world.lastOperation?.journal.findLast((entry) => entry.step === step && entry.result !== null)?.result ?? {};

describe('a failover', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('of a killed primary loses nothing acknowledged (seed %i)', async (seed) => {
    const world = await warmWorld({ seed });
    world.crash('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db2' })).toBe('');
    expect(world.writers.acknowledged.some(({ server }) => server === 'db2')).toBe(true);
  });

  it('brings over what only another replica has received, to a preferred candidate that is behind', async () => {
    const world = await warmWorld({ candidates: { db2: 'prefer' } });
    world.env.network.cut('db1', 'db2');
    await world.env.queue.run(600);
    const received = [...world.servers].map((server) => server.replica?.received.count() ?? 0n);
    expect(received[2]).toBeGreaterThan(received[1] as bigint);
    world.crash('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db2' })).toBe('');
    expect(Object.keys(stepResult(world, 'catch-up')['fetched'] as object)).toEqual(['db3']);
  });

  it('prefers who is ahead when nothing else decides', async () => {
    const world = await warmWorld();
    world.env.network.cut('db1', 'db2');
    await world.env.queue.run(600);
    world.crash('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db3' })).toBe('');
  });

  it('starts an applier that was merely stopped, and applies its relay log', async () => {
    const world = await warmWorld({ candidates: { db3: 'never' } });
    world.server('db2').replica?.stopApplier();
    await world.env.queue.run(400);
    expect(world.server('db2').replica?.relayLog.length).toBeGreaterThan(5);
    world.crash('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db2' })).toBe('');
  });

  it('passes over a replica whose applier stopped by an error', async () => {
    const world = await warmWorld({ candidates: { db2: 'prefer' } });
    world.server('db2').replica?.stopApplier('duplicate key');
    await world.env.queue.run(200);
    world.crash('db1');
    await world.untilEnded();
    // Pointing it at db3 would throw away what it has received: it is named and left for a person to mend.
    expect(problemsOf(world, { ...done, primary: 'db3', away: ['db1', 'db2'] })).toBe('');
    expect(Object.keys(stepResult(world, 're-point')['leftOut'] as object)).toEqual(['db2']);
  });

  it('waits for a long relay log instead of throwing it away', async () => {
    const world = await warmWorld();
    for (const name of ['db2', 'db3']) world.server(name).applyMs = 150;
    await world.env.queue.run(2000);
    const backlog = world.server('db2').replica?.relayLog.length ?? 0;
    expect(backlog).toBeGreaterThan(20);
    world.crash('db1');
    await world.untilEnded();
    await world.env.queue.run(10_000);
    expect(problemsOf(world, done)).toBe('');
  });

  it('of a host that fell silent', async () => {
    const world = await warmWorld();
    world.vanish('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db2' })).toBe('');
  });

  it('of a primary that lives, cut off with its clients: with semi-sync it acknowledges nothing more', async () => {
    const world = await warmWorld();
    world.isolate('db1', ['m1', 'm2', 'm3', 'db2', 'db3']);
    const cutAtMs = world.env.queue.nowMs;
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db2', isOldOpen: true })).toBe('');
    const late = world.writers.acknowledged.filter(({ server, atMs }) => server === 'db1' && atMs > cutAtMs + 1);
    expect(late).toEqual([]);
  });

  it('without semi-sync says up to where the old primary is known', async () => {
    const world = await warmWorld({ isSemiSync: false });
    world.crash('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, isLossless: false })).toBe('');
    expect(stepResult(world, 'finish')['unknownAfter']).toMatch(/:1-\d+$/);
  });

  it('is blocked while a required fence cannot be had, and rolled back when the primary is back', async () => {
    const world = await warmWorld({ fencing: 'required' });
    const before = settingsOfAll(world);
    world.crash('db1');
    await world.untilEnded(5000);
    expect(problemsOf(world, { phases: ['blocked'] })).toBe('');
    expect(world.lastOperation?.reason).toMatch(/db1 is not fenced .* and the policy requires it/);
    world.server('db1').start();
    await world.untilEnded(20_000, 1500);
    expect(problemsOf(world, { phases: ['rolled-back'] })).toBe('');
    expect(settingsOfAll(world)).toEqual(before);
  });

  it('names nobody new while a manager that is cut off may still name the old primary', async () => {
    const world = await warmWorld();
    world.log.onCommit(({ command }) => {
      if (command.kind === 'step-started' && command.step === 'confirm') world.isolate('m3', ['m1', 'm2']);
    });
    world.crash('db1');
    await world.env.queue.runUntil(() => world.lastOperation?.pastNoReturn === true, 5000);
    expect(world.manager('m3').named).toBe('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db2' })).toBe('');
    expect(world.managers.map(({ named }) => named)).toEqual(['db2', 'db2', null]);
  });

  it('that fenced a living primary and finds nobody to promote gives everything back', async () => {
    const world = await warmWorld({ candidates: { db2: 'never', db3: 'never' } });
    const before = settingsOfAll(world);
    world.isolate('db1', ['m1', 'm2', 'm3', 'db2', 'db3']);
    world.log.onCommit(({ command }) => {
      if (command.kind === 'step-started' && command.step === 'fence') world.reconnect('db1');
    });
    await world.untilEnded(40_000, 1500);
    expect(stepResult(world, 'fence')).toMatchObject({ isPositive: true });
    expect(problemsOf(world, { phases: ['rolled-back'], primary: 'db1' })).toBe('');
    expect(settingsOfAll(world)).toEqual(before);
  });

  it('goes above an epoch that a server knows from managers of another time', async () => {
    const world = await warmWorld();
    world.server('db2').recordedEpochs.set('app1', 40);
    world.crash('db1');
    await world.untilEnded();
    expect(problemsOf(world, { ...done, primary: 'db2' })).toBe('');
    expect(world.lastOperation?.epoch).toBeGreaterThan(40);
  });

  it('touches nothing while only former primaries are left, and goes on when one of them is brought back', async () => {
    const world = await warmWorld();
    for (const name of ['db1', 'db2']) {
      world.crash(name);
      await world.env.queue.runUntil(() => world.cluster.awaitingRejoin.includes(serverName(name)), 20_000);
      await world.env.queue.run(1000);
    }
    world.server('db1').start();
    await world.env.queue.run(2000);
    let blockings = 0;
    world.log.onCommit(({ command }) => (blockings += command.kind === 'operation-blocked' ? 1 : 0));
    world.crash('db3');
    await world.env.queue.run(20_000);
    const blocked = world.cluster.operation;
    expect(blocked?.phase).toBe('blocked');
    expect(blocked?.reason).toMatch(/^nobody could take over: .*; bring one of them back as a replica of db3, or/);
    expect(blockings).toBe(1);
    expect(blocked?.journal.map(({ step }) => step)).not.toContain('fence');
    world.server('db1').cloneFrom(world.server('db3'));
    await world.env.queue.runUntil(() => world.cluster.operation === null, 30_000);
    expect(problemsOf(world, { phases: ['done'], primary: 'db1', away: ['db2', 'db3'] })).toBe('');
  });

  it('does nothing when two managers are dead', async () => {
    const world = await warmWorld();
    const before = settingsOfAll(world).slice(1);
    world.manager('m1').process.kill();
    world.manager('m2').process.kill();
    world.crash('db1');
    await world.env.queue.run(20_000);
    expect(world.log.lastIndex).toBe(1);
    expect(settingsOfAll(world).slice(1).map((text) => text.replace('connecting', 'on'))).toEqual(before);
  });
});
