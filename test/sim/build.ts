/** Bundles the worker of the simulator; a canary is the same with one place of one source file changed. */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export interface Patch {
  readonly name: string;
  /** From the root of the project. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** The path of the built worker. Throws when the patch does not fit: its canary is stale. */
export async function buildWorker(patch: Patch | null = null): Promise<string> {
  const folder = join(root, '.cache', 'sim');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${patch?.name ?? 'worker'}-${process.pid}.mjs`);
  const patched = patch === null ? null : { path: join(root, patch.file), text: patchedText(patch) };
  await build({
    entryPoints: [join(root, 'test/sim/worker.ts')],
    outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'error',
    plugins: patched === null ? [] : [{
      name: 'patch',
      setup: ({ onLoad }) => {
        onLoad({ filter: /\.ts$/ }, ({ path }) =>
          path === patched.path ? { contents: patched.text, loader: 'ts' } : null);
      },
    }],
  });
  return outfile;
}

function patchedText({ name, file, find, replace }: Patch): string {
  const text = readFileSync(join(root, file), 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`canary ${name} is stale: what it changes stands ${count} times in ${file}`);
  return text.replace(find, () => replace);
}
