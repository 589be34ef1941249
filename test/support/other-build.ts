/**
 * A program that differs from this checkout's by patches of its sources: what a later build would be, for tests of
 * upgrades. A patch must fit exactly once, in a file that is really part of the program: otherwise the build fails,
 * so that a patch cannot come to mean nothing when the sources move on.
 */
import { readFile, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface Patch {
  /** Below src/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** This checkout's, as it was built last. */
export const presentProgram = join(root, 'dist/main.js');

/** Makes `dir/NAME.js`, and returns its path. */
export async function buildProgram(dir: string, name: string, patches: readonly Patch[]): Promise<string> {
  const program = join(dir, `${name}.js`);
  const patched = new Set<string>();
  await build({
    entryPoints: [join(root, 'src/main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [{
      name: 'patches',
      setup: ({ onLoad }) => {
        onLoad({ filter: /\.ts$/ }, async ({ path }) => {
          const wanted = patches.filter(({ file }) => join(root, 'src', file) === path);
          let text = await readFile(path, 'utf8');
          for (const { file, from, to } of wanted) {
            const times = text.split(from).length - 1;
            if (times !== 1) throw new Error(`the patch of src/${file} fits ${times} times: ${from}`);
            text = text.replace(from, () => to);
            patched.add(file);
          }
          return { contents: text, loader: 'ts' };
        });
      },
    }],
  });
  const idle = patches.filter(({ file }) => !patched.has(file));
  if (idle.length > 0) throw new Error(`not part of the program: ${idle.map(({ file }) => file).join(', ')}`);
  // What is not bundled is found from where the program is.
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return program;
}
