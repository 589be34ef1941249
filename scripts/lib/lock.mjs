/**
 * One process at a time does a piece of set-up. The lock is a file with the holder's process id; a holder that died
 * is replaced. The race that this leaves (two waiters replace one dead holder at the same moment) costs double work and
 * nothing else, because what is built under the lock is put in place by a rename.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export async function withLock(file, waitMs, say, work) {
  mkdirSync(dirname(file), { recursive: true });
  const until = Date.now() + waitMs;
  for (let round = 0; !tryTake(file); round += 1) {
    if (Date.now() > until) throw new Error(`${file} is held by another process for more than ${waitMs} ms`);
    if (round === 0) say('waiting for another process that does the same set-up');
    await pause(200);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryTake(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (!isHolderAlive(file)) rmSync(file, { force: true });
  return false;
}

function isHolderAlive(file) {
  let pid;
  try {
    pid = Number(readFileSync(file, 'utf8'));
  } catch {
    return true; // Gone or being written this moment: look again in the next round.
  }
  if (!Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
