import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPrng, managerId } from '../../src/base/index.js';
import { initStore, openStore } from '../../src/raft/index.js';

const kills = 10;
const writer = fileURLToPath(new URL('./fixtures/store-writer.ts', import.meta.url));

interface Acknowledged {
  readonly index: number;
  readonly term: number;
}

/** Lets the writer run, kills it some milliseconds after its first acknowledgement, and tells the last one. */
async function writeUntilKilled(directory: string, afterMs: number): Promise<Acknowledged | null> {
  const child = spawn(process.execPath, ['--import', 'tsx', writer, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let errors = '';
  let isArmed = false;
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (isArmed || !text.includes('\n')) return;
    isArmed = true;
    setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)));
  expect(signal, errors).toBe('SIGKILL');
  const lines = text.split('\n').slice(0, -1).filter((line) => !line.startsWith('restored'));
  const [index, term] = lines.at(-1)?.split(' ').map(Number) ?? [];
  return index === undefined || term === undefined ? null : { index, term };
}

describe('a store whose process is killed while it writes', () => {
  let directory = '';

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hactl-kill-'));
    const id = managerId('m1');
    await initStore(directory, { clusterId: 'kill', managerId: id, voters: [id] });
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('has every acknowledged entry at the next start', { timeout: 120_000 }, async () => {
    const seed = Date.now();
    const prng = createPrng(seed);
    let writes = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const last = await writeUntilKilled(directory, prng.int(0, 150));
      const { store } = await openStore(directory, { managerId: managerId('m1') });
      const { entries, hardState } = await store.open();
      await store.close();
      if (last === null) continue;
      writes += 1;
      // The one write that was under way may have survived too: it may have truncated three and appended up to five.
      const what = `seed ${seed}, kill ${kill}`;
      expect(hardState.term, what).toBeGreaterThanOrEqual(last.term);
      if (hardState.term === last.term) {
        expect(entries.length, what).toBeGreaterThanOrEqual(last.index);
        expect(entries.length, what).toBeLessThanOrEqual(last.index + 5);
      } else {
        expect(hardState.term, what).toBe(last.term + 1);
        expect(entries.length, what).toBeGreaterThan(last.index - 3);
      }
      expect(entries.map(({ index }) => Number(index))).toEqual(entries.map((_, at) => at + 1));
    }
    expect(writes, 'kills that found something acknowledged').toBeGreaterThan(kills / 2);
  });
});
