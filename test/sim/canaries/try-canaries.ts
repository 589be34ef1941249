/**
 * Plants each canary of Raft into a copy of the sources and runs chaos there, to see which of them it finds:
 * `node --import tsx test/sim/canaries/try-canaries.ts SEEDS [NAME ...]`. Ends with 1 when one was not found.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage } from '../../../src/base/index.js';
import type { Canary } from './canary.js';
import { plant } from './canary.js';
import { raftCanaries } from './raft.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const copied = ['src', 'test/scenarios/raft', 'test/support', 'package.json', 'tsconfig.json'];
const withinMs = 180_000;

function copyOfTheSources(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hactl-canary-'));
  for (const path of copied) cpSync(join(root, path), join(folder, path), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** What the run said: a line of JSON, or how it ended instead. */
function runIn(folder: string, canary: Canary, seeds: number): { readonly isFound: boolean; readonly said: string } {
  const path = join(folder, canary.file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, plant(canary, text));
  try {
    const args = ['--import', 'tsx', 'test/scenarios/raft/chaos-main.ts', String(seeds), '1', ...(canary.sizes ?? [])];
    const run = spawnSync(process.execPath, args.map(String), { cwd: folder, encoding: 'utf8', timeout: withinMs });
    const said = run.error === undefined ? run.stdout.trim() || run.stderr.trim() : errorMessage(run.error);
    return { isFound: run.status === 1 && run.stdout.startsWith('{"seed"'), said };
  } finally {
    writeFileSync(path, text);
  }
}

const [seeds = '200', ...names] = process.argv.slice(2);
const folder = copyOfTheSources();
try {
  const chosen = raftCanaries.filter(({ name }) => names.length === 0 || names.includes(name));
  let missed = 0;
  for (const canary of chosen) {
    const { isFound, said } = runIn(folder, canary, Number(seeds));
    if (!isFound) missed += 1;
    process.stdout.write(`${isFound ? 'found ' : 'MISSED'} ${canary.name.padEnd(44)} ${said.slice(0, 170)}\n`);
  }
  process.stdout.write(`${chosen.length - missed} of ${chosen.length} canaries found\n`);
  process.exitCode = missed === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
