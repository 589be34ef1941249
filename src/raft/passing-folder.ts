/** A folder of our own among the temporary files that is gone afterwards, also when the process is told to end. */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const signalNames = Object.keys(signals) as (keyof typeof signals)[];

/** By the convention of shells: 128 and the number of the signal. */
function endBySignal(signal: NodeJS.Signals): void {
  process.exit(signals[signal as keyof typeof signals]);
}

export async function withPassingFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'hactl-store-'));
  const removeNow = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeNow);
  for (const name of signalNames) process.on(name, endBySignal);
  try {
    return await use(folder);
  } finally {
    for (const name of signalNames) process.off(name, endBySignal);
    process.off('exit', removeNow);
    await rm(folder, { recursive: true, force: true });
  }
}
