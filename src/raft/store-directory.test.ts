import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { managerId } from '../base/index.js';
import { initStore, openStore, refuseOtherUser } from './store-directory.js';

const identity = { clusterId: 'c1', managerId: managerId('m1'), voters: ['m1', 'm2', 'm3'].map(managerId) };

/** Root may read everything; any other user is one already. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('the data directory', () => {
  let parent = '';
  let directory = '';

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'hactl-dir-'));
    directory = join(parent, 'data');
  });

  afterEach(async () => {
    await rm(parent, { recursive: true, force: true });
  });

  it('remembers whom it was made for', async () => {
    const meta = await initStore(directory, identity);
    expect(meta).toMatchObject(identity);
    expect(meta.storeId).toMatch(/^[0-9a-f]{16}$/);
    expect((await openStore(directory, { managerId: identity.managerId, clusterId: 'c1' })).meta).toEqual(meta);
  });

  it('is not made twice, nor over the rest of an interrupted init', async () => {
    await initStore(directory, identity);
    await expect(initStore(directory, identity)).rejects.toMatchObject({ code: 'store-exists' });
    await rm(join(directory, 'meta.json'));
    await expect(initStore(directory, identity)).rejects.toMatchObject({ code: 'store-exists' });
    await expect(openStore(directory, identity)).rejects.toMatchObject({ code: 'store-faulted' });
  });

  it('may hold things of others', async () => {
    await mkdir(join(directory, 'lost+found'), { recursive: true });
    await expect(initStore(directory, identity)).resolves.toMatchObject(identity);
  });

  it('is never made by opening it', async () => {
    await expect(openStore(directory, identity)).rejects.toMatchObject({ code: 'store-missing' });
    await mkdir(directory);
    await expect(openStore(directory, identity)).rejects.toMatchObject({ code: 'store-missing' });
  });

  it('is refused to another manager and another cluster', async () => {
    await initStore(directory, identity);
    const another = { managerId: managerId('m2') };
    await expect(openStore(directory, another)).rejects.toMatchObject({ code: 'refused' });
    const elsewhere = { managerId: managerId('m1'), clusterId: 'c2' };
    await expect(openStore(directory, elsewhere)).rejects.toMatchObject({ code: 'refused' });
  });

  it('is faulted when meta.json was edited', async () => {
    await initStore(directory, identity);
    const path = join(directory, 'meta.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"m3"', '"m4"'));
    await expect(openStore(directory, identity)).rejects.toMatchObject({ code: 'store-faulted' });
  });

  it('that this user may not read is no damage', async () => {
    await initStore(directory, identity);
    for (const entered of [parent, directory]) await chmod(entered, 0o755);
    const refused = { code: 'refused', what: expect.stringMatching(/may not read/) as string };
    for (const forbidden of [join(directory, 'meta.json'), directory]) {
      await chmod(forbidden, 0);
      await asOrdinaryUser(async () => {
        await expect(openStore(directory, identity)).rejects.toMatchObject(refused);
      });
    }
    await chmod(directory, 0o700);
  });

  it('of another user is left alone by whoever would write in it', async () => {
    await initStore(directory, identity);
    await expect(refuseOtherUser(directory)).resolves.toBeUndefined();
    const another = (process.geteuid?.() ?? 0) + 1;
    vi.spyOn(process, 'geteuid').mockReturnValue(another);
    const refused = { code: 'refused', what: expect.stringMatching(`this runs as uid ${another}`) as string };
    await expect(refuseOtherUser(directory)).rejects.toMatchObject(refused);
  });
});
