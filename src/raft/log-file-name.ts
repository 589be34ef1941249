/**
 * Keeps the name of LevelDB's newest log file durable. LevelDB syncs that file with every write, but never its name: a
 * file whose name was not synced is gone after a power loss. A new log file begins with the batch that does not fit any
 * more, so a batch is safe when it is in a file whose name was synced before; and it is in that file when the file grew
 * by as much as the batch has bytes. Else the directory is synced. Asking an open file for its size reads no disk and
 * waits for none, so a hung disk does not stop the event loop here.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './level-database.js';

export class LogFileName {
  readonly #directory: string;
  readonly #sync: (path: string) => Promise<void>;
  /** Its name is durable. */
  #file: number | null = null;
  #size = 0;

  constructor(directory: string, sync: (path: string) => Promise<void> = syncDirectory) {
    this.#directory = directory;
    this.#sync = sync;
  }

  /** Is a batch of so many bytes, written and synced since the last call, in the file whose name is durable? */
  hasGrownBy(bytes: number): boolean {
    if (this.#file === null) return false;
    const { size } = fstatSync(this.#file);
    const grownBy = size - this.#size;
    this.#size = size;
    return grownBy >= bytes;
  }

  /** Makes every name durable that stands in the directory now, and follows the newest log file. */
  async follow(): Promise<void> {
    this.close();
    // Only our own writes make log files, and none is under way: what is newest here is newest until the next write.
    const newest = newestLog(await readdir(this.#directory));
    await this.#sync(this.#directory);
    if (newest === null) return;
    this.#file = openSync(join(this.#directory, newest), 'r');
    this.#size = fstatSync(this.#file).size;
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

/** LevelDB numbers its files upwards and never uses a number twice: `000123.log`. */
function newestLog(names: readonly string[]): string | null {
  const logs = names.filter((name) => /^\d+\.log$/.test(name));
  return logs.reduce<string | null>((newest, name) => {
    return newest === null || parseInt(name, 10) > parseInt(newest, 10) ? name : newest;
  }, null);
}
