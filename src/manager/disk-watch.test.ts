import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, expect, it } from 'vitest';
import { DiskWatch } from './disk-watch.js';

const watches: DiskWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop();
});

async function look(directory: string, lowWaterBytes: number): Promise<{ seen: boolean[]; unreadable: number }> {
  const result = { seen: [] as boolean[], unreadable: 0 };
  const watch = new DiskWatch({
    directory,
    lowWaterBytes,
    onChange: (isLow) => result.seen.push(isLow),
    onUnreadable: () => {
      result.unreadable += 1;
    },
  });
  watches.push(watch);
  await watch.start();
  await watch.look();
  return result;
}

it('tells once that a disk is low, and says nothing of one with room', async () => {
  const { bavail, bsize } = await statfs(tmpdir());
  expect((await look(tmpdir(), bavail * bsize * 10)).seen).toEqual([true]);
  expect((await look(tmpdir(), 1)).seen).toEqual([]);
});

it('tells once that a disk cannot be read, and does not call it low', async () => {
  expect(await look('/nowhere/at/all', 1)).toEqual({ seen: [], unreadable: 1 });
});
