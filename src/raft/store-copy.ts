/**
 * Copies of a data directory: a passing one to look into, because LevelDB writes as soon as it opens, and a lasting one
 * before something is changed. To be made under the store's lock (store-lock.ts); the lock file itself is left out,
 * because to open and close it would give that lock up. A copy is complete without it.
 */
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { databaseDirectory, syncDirectory } from './level-database.js';
import { withPassingFolder } from './passing-folder.js';
import { lockName } from './store-lock.js';

const fileNames = ['meta.json', 'marker'];

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw thrown;
  });
}

/** Paths from the data directory, of whatever is there. */
async function filesOf(directory: string): Promise<readonly string[]> {
  const present = await namesIn(directory);
  const records = await namesIn(databaseDirectory(directory));
  return [
    ...fileNames.filter((name) => present.includes(name)),
    ...records.filter((name) => name !== lockName).map((name) => join('log', name)),
  ];
}

async function copyFiles(from: string, to: string): Promise<readonly string[]> {
  const files = await filesOf(from);
  if ((await namesIn(from)).includes('log')) await mkdir(databaseDirectory(to), { mode: 0o700 });
  for (const file of files) await copyFile(join(from, file), join(to, file));
  return files;
}

export async function withPassingCopy<Result>(
  directory: string,
  use: (copy: string) => Promise<Result>,
): Promise<Result> {
  return withPassingFolder(async (folder) => {
    await copyFiles(directory, folder);
    return use(folder);
  });
}

/** Whole and durable under its name, or not there: it is renamed when the last byte is synced. */
export async function makeLastingCopy(directory: string, to: string): Promise<void> {
  const unfinished = `${to}.unfinished`;
  await mkdir(unfinished, { mode: 0o700 });
  try {
    for (const file of await copyFiles(directory, unfinished)) await syncFile(join(unfinished, file));
    await syncDirectory(databaseDirectory(unfinished));
    await syncDirectory(unfinished);
    await rename(unfinished, to);
  } catch (thrown) {
    await rm(unfinished, { recursive: true, force: true });
    throw thrown;
  }
  await syncDirectory(dirname(to));
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
