/**
 * Behind `npm run check`, `test`, `demo`, `sim` and `bench:raft`. On a fresh clone, with Node and nothing else, each
 * does all of its own set-up first: dependencies, build, database servers; what is up to date is left alone. What
 * set-up says goes to stderr, so that stdout is the program's own.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureEtcd } from './lib/etcd.mjs';
import { ensureBuild, ensureDependencies, root } from './lib/set-up.mjs';
import { ensureMysql97 } from './fetch-servers.mjs';

const say = (line) => process.stderr.write(`${line}\n`);
const bin = (path) => join(root, 'node_modules', path);
const quickProjects = ['unit', 'scenarios', 'world', 'sim', 'contract', 'tidy'];

class Failed extends Error {}

async function check(args) {
  await ensureDependencies(say);
  mkdirSync(join(root, '.cache'), { recursive: true });
  const tsc = (config) => [bin('typescript/bin/tsc'), '-p', config, '--noEmit', '--incremental',
    '--tsBuildInfoFile', join(root, '.cache', `${config}.tsbuildinfo`)];
  const quiet = async () => {
    await part('types', tsc('tsconfig.json'));
    await part('types of the pure folders', tsc('tsconfig.pure.json'));
    await part('lint', [bin('eslint/bin/eslint.js'), '--max-warnings', '0', '.']);
  };
  const tests = vitest('tests', [...quickProjects.flatMap((name) => ['--project', name]), ...args]);
  await Promise.all([quiet(), tests]);
  // After the rest, on both cores: half a minute of seeds that nobody has seen, and those that failed once.
  const seeds = ['--import', 'tsx', join(root, 'test/sim/main.ts'), '--budget', '30', '--regressions'];
  if ((await runNode(seeds, 'inherit')).code !== 0) throw new Failed('simulator failed');
  printTotals(await tests);
}

async function test(args) {
  await ensureDependencies(say);
  await ensureBuild(say);
  await ensureMysql97({ say: (line) => say(`servers: ${line}`) });
  printTotals(await vitest('tests', args));
}

async function demo(args) {
  await ensureDependencies(say);
  await ensureBuild(say);
  await ensureMysql97({ say: (line) => say(`servers: ${line}`) });
  await runProgram('demo/main.ts', args);
}

async function benchRaft(args) {
  await ensureDependencies(say);
  const etcd = await ensureEtcd({ cacheDir: join(root, '.cache/servers'), say: (line) => say(`etcd: ${line}`) });
  await runProgram('test/bench/main.ts', args, { HACTL_BENCH_ETCD: JSON.stringify(etcd) });
}

async function sim(args) {
  await ensureDependencies(say);
  await runProgram('test/sim/main.ts', args);
}

/** A program of ours in TypeScript, with this process's own input and output; its exit code becomes ours. */
async function runProgram(file, args, env = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, file), ...args], {
    cwd: root, stdio: 'inherit', env: { ...process.env, ...env },
  });
  // A terminal sends Ctrl-C to the child as well; what is sent to this process alone is passed on. It outlives neither.
  process.on('SIGINT', () => {
    if (process.stdin.isTTY !== true) child.kill('SIGINT');
  });
  for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
  const { code, signal } = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal }));
  });
  process.exitCode = code ?? 128 + constants.signals[signal];
}

const running = new Set();

/** A part of `check` whose output matters only when it fails. */
async function part(name, args) {
  const startedAt = Date.now();
  const { code, output } = await runNode(args, 'pipe');
  if (code !== 0) {
    process.stdout.write(output);
    throw new Failed(`${name} failed`);
  }
  say(`${name}: ok, ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Runs vitest; resolves with the totals, also when the run failed, so that the line with them is printed. */
async function vitest(name, args) {
  const dir = mkdtempSync(join(tmpdir(), 'hactl-vitest-'));
  const file = join(dir, 'results.json');
  try {
    const { code } = await runNode([bin('vitest/vitest.mjs'), 'run',
      '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args], 'inherit');
    const totals = existsSync(file) ? totalsOf(JSON.parse(readFileSync(file, 'utf8'))) : null;
    if (code === 0 && totals !== null && totals.failed === 0) return totals;
    if (totals !== null) printTotals({ ...totals, failed: Math.max(1, totals.failed) });
    throw new Failed(`${name} failed`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function totalsOf(results) {
  // A file that cannot be loaded has no tests to count, and still is a failure.
  const broken = results.testResults.filter((file) => file.status === 'failed'
    && !file.assertionResults.some((one) => one.status === 'failed')).length;
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

function printTotals({ passed, failed, skipped }) {
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
}

function runNode(args, stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', stdio, stdio] });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => { output += bytes; });
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code, output });
    });
  });
}

const verbs = { check, test, demo, sim, 'bench:raft': benchRaft };
const [verb, ...rest] = process.argv.slice(2);
if (verbs[verb] === undefined) {
  say(`usage: node scripts/run.mjs ${Object.keys(verbs).join('|')} [arguments]`);
  process.exitCode = 2;
} else {
  try {
    await verbs[verb](rest);
  } catch (error) {
    for (const child of running) child.kill('SIGTERM');
    say(`${verb}: ${error instanceof Failed ? error.message : (error?.message ?? String(error))}`);
    process.exitCode = 1;
  }
}
