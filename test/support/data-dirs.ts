/** What happens to the data directories of stopped managers: disks are lost, copied, put back, mixed up, and rot. */
import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManagerProcess } from './manager-process.js';

function requireStopped(manager: ManagerProcess): void {
  if (manager.isRunning) throw new Error(`manager ${manager.id} runs: its store must not change under it`);
}

export async function wipeData(manager: ManagerProcess): Promise<void> {
  requireStopped(manager);
  await rm(manager.dataDir, { recursive: true, force: true });
}

const asidePath = (manager: ManagerProcess, name: string): string => join(manager.dir, `data-${name}`);

export async function copyData(manager: ManagerProcess, name: string): Promise<void> {
  requireStopped(manager);
  await cp(manager.dataDir, asidePath(manager, name), { recursive: true });
}

/** The data directory is gone afterwards. */
export async function setDataAside(manager: ManagerProcess, name: string): Promise<void> {
  requireStopped(manager);
  await rename(manager.dataDir, asidePath(manager, name));
}

/** In place of what is there now; the copy is used up. */
export async function putDataBack(manager: ManagerProcess, name: string): Promise<void> {
  requireStopped(manager);
  await rm(manager.dataDir, { recursive: true, force: true });
  await rename(asidePath(manager, name), manager.dataDir);
}

/** Flips one bit in the log's first record that holds `text`: entries hold it, so it is long acknowledged. */
export async function flipBitIn(manager: ManagerProcess, text: string): Promise<void> {
  requireStopped(manager);
  const directory = join(manager.dataDir, 'log');
  for (const name of (await readdir(directory)).sort()) {
    if (!/\.(log|ldb)$/.test(name)) continue;
    const bytes = await readFile(join(directory, name));
    const at = bytes.indexOf(text);
    if (at === -1) continue;
    bytes[at] = (bytes[at] ?? 0) ^ 0x01;
    await writeFile(join(directory, name), bytes);
    return;
  }
  throw new Error(`no record of ${manager.id} holds ${text}`);
}
