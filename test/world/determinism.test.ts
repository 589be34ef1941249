/** The world itself: a seed replays, and the checks do see what they are for. */
import { describe, expect, it } from 'vitest';
import { runOnce } from './at-each-call.js';
import { problemsOf } from './final-checks.js';
import { World } from './world.js';

const hashOf = async (seed: number): Promise<string> => {
  const world = await runOnce({ kind: 'failover', options: { seed } }, () => undefined);
  return world.env.trace.hash();
};

describe('the world', () => {
  it('replays from its seed, and differs between seeds', async () => {
    expect(await hashOf(11)).toBe(await hashOf(11));
    expect(await hashOf(11)).not.toBe(await hashOf(12));
  });
});

describe('the checks', () => {
  it('see a second writable server', async () => {
    const world = new World();
    await world.warmUp();
    Object.assign(world.server('db2'), { readOnly: false, superReadOnly: false });
    await world.env.queue.run(100);
    expect(problemsOf(world, { phases: [], isNothing: true })).toMatch(/db2 takes writes and is not the primary/);
  });

  it('see a lost write', async () => {
    const world = new World();
    await world.warmUp();
    const replicas = [world.server('db2'), world.server('db3')];
    for (const server of replicas) server.replica?.stopApplier();
    await world.env.queue.run(200);
    for (const server of replicas) {
      // Both start again with relay_log_recovery: what they acknowledged is not there any more.
      server.boot = { ...server.boot, recoversRelayLog: true };
      server.crash();
      server.start();
    }
    world.crash('db1');
    await world.untilEnded();
    expect(problemsOf(world, { phases: ['done'], away: ['db1'] })).toMatch(/acknowledged writes are lost/);
  });

  it('see a replica that follows nobody', async () => {
    const world = await runOnce({ kind: 'failover' }, () => undefined);
    world.server('db3').replica?.stopReceiver();
    expect(problemsOf(world, { phases: ['done'], away: ['db1'] })).toMatch(/db3 .*does not replicate/);
  });
});
