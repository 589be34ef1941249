/** What a fresh clone lacks: installed dependencies and the built program. Both are made only when out of date. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { run } from './run-command.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const lockWaitMs = 10 * 60_000;
const oldestNode = [20, 19];

export async function ensureDependencies(say) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    throw new Error(`Node ${oldestNode.join('.')} or later is needed; this is ${process.versions.node}`);
  }
  await withLock(join(root, '.cache/dependencies.lock'), lockWaitMs, say, async () => {
    const lockFile = join(root, 'package-lock.json');
    const stamp = join(root, 'node_modules/.installed-from');
    const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
    if (!isInstalledByHand(lockFile)) {
      say('dependencies: npm ci');
      const npm = process.env.npm_execpath;
      const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
      await run(command, [...first, 'ci', '--no-audit', '--no-fund'], { cwd: root, timeoutMs: 600_000 });
    }
    writeFileSync(stamp, wanted);
  });
}

/** `npm install` or `npm ci` ran after the last change of the lock file. */
function isInstalledByHand(lockFile) {
  const installed = join(root, 'node_modules/.package-lock.json');
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;
}

export async function ensureBuild(say) {
  await withLock(join(root, '.cache/build.lock'), lockWaitMs, say, async () => {
    const dist = join(root, 'dist');
    const stamp = join(root, '.cache/built-from');
    const sources = filesBelow(join(root, 'src')).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
    const wanted = hashOf([...sources, join(root, 'tsconfig.json'), join(root, 'tsconfig.build.json')]);
    if (existsSync(dist) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
    say('build: tsc');
    mkdirSync(dist, { recursive: true });
    rmSync(stamp, { force: true });
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
      cwd: root, timeoutMs: 300_000,
    });
    removeLeftovers(dist);
    const main = join(dist, 'main.js');
    if (existsSync(main)) chmodSync(main, 0o755);
    writeFileSync(stamp, wanted);
  });
}

/** What was built from sources that are gone would still be found by imports. */
function removeLeftovers(dist) {
  for (const file of filesBelow(dist)) {
    const source = join(root, 'src', relative(dist, file).replace(/\.js(\.map)?$/, '.ts'));
    if (/\.js(\.map)?$/.test(file) && !existsSync(source)) rmSync(file);
  }
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of [...files].sort()) {
    hash.update(`${relative(root, file)}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function filesBelow(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
