/**
 * Holds the lock of a store from outside: proves that no manager runs on it, and keeps one from starting, without
 * opening the store (which would change its files). The lock is LevelDB's own, on the file `log/LOCK`, and the kernel
 * keeps it by file and not by name: so an empty database in a temporary folder, whose LOCK is a symbolic link to that
 * file, takes the very same lock. It belongs to the process, and ends when any descriptor of the file is closed: until
 * the release, nobody here may open and close it (copying it would).
 */
import { access, constants, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Level } from 'level';
import { errorMessage, HactlError } from '../base/index.js';
import { databaseDirectory, isLocked } from './level-database.js';
import { withPassingFolder } from './passing-folder.js';
import { storeLocked } from './store-errors.js';

export const lockName = 'LOCK';
const notThere = ['ENOENT', 'ENOTDIR'];

/** Runs `work` while no manager can run on the store. Throws `refused` when one does, or when that cannot be told. */
export async function withStoreLock<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  const lockPath = resolve(databaseDirectory(directory), lockName);
  if (!(await isLockable(directory, lockPath))) return work();
  return withPassingFolder(async (folder) => {
    await symlink(lockPath, join(folder, lockName));
    const holder = new Level(folder);
    try {
      await holder.open();
    } catch (thrown) {
      throw isLocked(thrown) ? storeLocked(directory, thrown) : cannotTell(directory, thrown);
    }
    try {
      return await work();
    } finally {
      await holder.close();
    }
  });
}

/** False: no manager can have it open, because its lock file is not there or cannot be written by anybody. */
async function isLockable(directory: string, lockPath: string): Promise<boolean> {
  try {
    await access(lockPath, constants.R_OK | constants.W_OK);
    return true;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== undefined && (notThere.includes(code) || code === 'EROFS')) return false;
    throw cannotTell(directory, thrown);
  }
}

function cannotTell(directory: string, cause: unknown): HactlError {
  return new HactlError(
    {
      code: 'refused',
      what: `whether a manager runs on the store in ${directory} cannot be told`,
      why: `its lock cannot be taken: ${errorMessage(cause)}; what is read beside a running manager may be torn`,
      next: 'run this as the user that the manager runs as, on its host',
    },
    { cause },
  );
}
