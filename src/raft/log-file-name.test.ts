import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { syncDirectory } from './level-database.js';
import { LogFileName } from './log-file-name.js';

describe('the name of LevelDB\'s log file', () => {
  let path = '';
  let syncs = 0;
  let name: LogFileName;
  const sync = async (directory: string): Promise<void> => {
    await syncDirectory(directory);
    syncs += 1;
  };

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'hactl-log-name-'));
    syncs = 0;
    name = new LogFileName(path, sync);
  });

  afterEach(async () => {
    name.close();
    await rm(path, { recursive: true, force: true });
  });

  it('is not known to be durable before the first sync, nor without a log file', async () => {
    expect(name.hasGrownBy(0)).toBe(false);
    await name.follow();
    expect(syncs).toBe(1);
    expect(name.hasGrownBy(0)).toBe(false);
  });

  it('is that of the file with the highest number, which must grow by all of a batch', async () => {
    await writeFile(join(path, '000999.log'), 'old');
    await writeFile(join(path, '1000000.log'), 'new');
    await name.follow();
    await appendFile(join(path, '000999.log'), 'x'.repeat(100));
    expect(name.hasGrownBy(1)).toBe(false);
    await appendFile(join(path, '1000000.log'), 'x'.repeat(10));
    expect(name.hasGrownBy(10)).toBe(true);
    expect(name.hasGrownBy(1)).toBe(false);
    await appendFile(join(path, '1000000.log'), 'x'.repeat(10));
    expect(name.hasGrownBy(11)).toBe(false);
  });

  it('is left again when its directory cannot be synced', async () => {
    await writeFile(join(path, '000001.log'), '');
    const failing = new LogFileName(path, () => Promise.reject(new Error('EIO')));
    await expect(failing.follow()).rejects.toThrow('EIO');
    await appendFile(join(path, '000001.log'), 'x');
    expect(failing.hasGrownBy(1)).toBe(false);
  });

  it('needs a sync for every log file that LevelDB begins, and for no other batch', { timeout: 60_000 }, async () => {
    const database = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
    await database.open();
    const newestLog = async () => (await readdir(path)).filter((file) => file.endsWith('.log')).sort().at(-1);
    try {
      await name.follow();
      let newest = await newestLog();
      let begun = 0;
      for (let n = 0; n < 400; n += 1) {
        // From less than LevelDB's block of 32 KiB to several of them.
        const value = new Uint8Array(1 + ((n * 7919) % 100_000)).fill(n);
        await database.batch([{ type: 'put', key: Uint8Array.of(n), value }], { sync: true });
        const now = await newestLog();
        expect(name.hasGrownBy(value.length + 1), `batch ${n}`).toBe(now === newest);
        if (now === newest) continue;
        begun += 1;
        newest = now;
        await name.follow();
      }
      expect(begun).toBeGreaterThanOrEqual(3);
    } finally {
      await database.close();
    }
  });
});
