/** Before the integration tests: the servers are there, also when vitest is started by hand. */
import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export async function setup(): Promise<void> {
  const script = resolve(dirname(fileURLToPath(import.meta.url)), '../../scripts/fetch-servers.mjs');
  await promisify(execFile)(process.execPath, [script, 'mysql97'], { timeout: 20 * 60_000 });
}
