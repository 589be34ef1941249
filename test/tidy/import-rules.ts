/** Which folder may look at which, and which package belongs where: design section 3 as a table. */
import { dirname, join } from 'node:path';
import { importsOf, type Finding, type TextFile } from './tree.js';

interface Allowed {
  /** Folders of src whose index it may import. */
  readonly folders: readonly string[];
  /** Folders of which it may import types alone. */
  readonly types: readonly string[];
  readonly packages: readonly string[];
  /** May it use `node:*`? The pure folders may not. */
  readonly node: boolean;
}

/** One row per folder; `root` is src/main.ts, src/manager.ts and the like, which put everything together. */
export const importTable: Readonly<Record<string, Allowed>> = {
  'base': { folders: [], types: [], packages: [], node: false },
  'raft/core': { folders: ['base'], types: [], packages: [], node: false },
  'raft': { folders: ['raft/core', 'base'], types: [], packages: ['level', 'msgpackr'], node: true },
  'rpc': { folders: ['base'], types: [], packages: ['msgpackr'], node: true },
  'ha': { folders: ['base'], types: ['raft'], packages: [], node: false },
  'mysql': { folders: ['base'], types: [], packages: ['mysql2'], node: true },
  'ssh': { folders: ['base'], types: [], packages: ['ssh2'], node: true },
  'config': { folders: ['base'], types: ['ha'], packages: ['zod', 'yaml'], node: true },
  'notify': { folders: ['base'], types: ['ha'], packages: ['undici', 'nodemailer'], node: true },
  'http': { folders: ['base'], types: ['ha'], packages: ['fastify', 'prom-client', 'undici', 'zod'], node: true },
  // http/api-types.ts is the one file of another part that the command line knows.
  'cli': { folders: ['base', 'http/api-types'], types: [], packages: ['undici', 'commander'], node: true },
};

/** Where all parts are put together: these may import everything. */
const compositionRoot = /^src\/([^/]+\.ts|manager\/.*)$/;
const testPackages = ['vitest', 'fast-check'];
/** Folders of a row's folder that have a row of their own come first. */
const folderNames = Object.keys(importTable).sort((a, b) => b.length - a.length);

export function importFindings(file: TextFile): readonly Finding[] {
  if (!file.path.startsWith('src/') || compositionRoot.test(file.path)) return [];
  const folder = folderOf(file.path);
  if (folder === null) {
    const name = file.path.split('/')[1] ?? '';
    const message = `src/${name} is not in the import table: add a row to test/tidy/import-rules.ts`;
    return [{ path: file.path, line: 1, message }];
  }
  const allowed = importTable[folder] as Allowed;
  const isTest = file.path.endsWith('.test.ts');
  const findings: Finding[] = [];
  for (const { specifier, isTypeOnly, line } of importsOf(file)) {
    const message = specifier.startsWith('.')
      ? relativeProblem(file.path, folder, allowed, specifier, isTypeOnly)
      : packageProblem(folder, allowed, specifier, isTest);
    if (message !== null) findings.push({ path: file.path, line, message });
  }
  return findings;
}

function relativeProblem(
  path: string, folder: string, allowed: Allowed, specifier: string, isTypeOnly: boolean,
): string | null {
  if (!specifier.endsWith('.js')) return `import ${specifier}: a relative import ends in .js`;
  const target = join(dirname(path), specifier).replaceAll('\\', '/').replace(/\.js$/, '.ts');
  const targetFolder = folderOf(target);
  if (targetFolder === folder) return null;
  const inside = target.replace(/^src\//, '').replace(/\.ts$/, '');
  if (allowed.folders.includes(inside)) return null;
  const isKnown = targetFolder !== null;
  if (isKnown && allowed.folders.includes(targetFolder)) {
    if (isTypeOnly || inside === `${targetFolder}/index`) return null;
    return `import ${specifier}: take values from src/${targetFolder}/index.js, its only public face`;
  }
  if (isKnown && allowed.types.includes(targetFolder)) {
    if (isTypeOnly) return null;
    return `import ${specifier}: src/${folder} may take only types from src/${targetFolder}: use \`import type\``;
  }
  return `import ${specifier}: src/${folder} may look only at ${list([...allowed.folders, ...allowed.types])}:`
    + ' pass it in from src/manager';
}

function packageProblem(folder: string, allowed: Allowed, specifier: string, isTest: boolean): string | null {
  if (specifier.startsWith('node:')) {
    if (allowed.node || isTest) return null;
    return `import ${specifier}: src/${folder} is pure: ask for it through a port`;
  }
  const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : (specifier.split('/')[0] ?? '');
  if (allowed.packages.includes(name) || (isTest && testPackages.includes(name))) return null;
  return `import ${specifier}: src/${folder} may use only ${list(allowed.packages)}: move it to the folder that has it`;
}

function folderOf(path: string): string | null {
  return folderNames.find((name) => path.startsWith(`src/${name}/`)) ?? null;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}
