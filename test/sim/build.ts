/** Bundles the worker of the simulator; a canary is the same with a place or two of the sources changed. */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Canary } from './canaries/canary.js';
import { planted } from './canaries/canary.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The path of the built worker. Throws when the canary is stale. */
export async function buildWorker(canary: Canary | null = null): Promise<string> {
  const folder = join(root, '.cache', 'sim');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${canary?.name ?? 'worker'}-${process.pid}.mjs`);
  const patched = canary === null ? new Map<string, string>() : planted(canary, readSource);
  const texts = new Map([...patched].map(([file, text]) => [join(root, file), text]));
  await build({
    entryPoints: [join(root, 'test/sim/worker.ts')],
    outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'error',
    plugins: [{
      name: 'canary',
      setup: ({ onLoad }) => {
        onLoad({ filter: /\.ts$/ }, ({ path }) => {
          const text = texts.get(path);
          return text === undefined ? null : { contents: text, loader: 'ts' };
        });
      },
    }],
  });
  return outfile;
}

function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
