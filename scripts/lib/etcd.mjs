/**
 * The etcd that `npm run bench:raft` compares with: the one named by HACTL_ETCD, one on the PATH, or the Debian package
 * `etcd-server` unpacked into .cache/servers/etcd. The answer is { origin, version, command, prefix }:
 * `command prefix... options...` starts it. Nothing is installed on the system.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { unpackPackages } from './apt.mjs';
import { withLock } from './lock.mjs';
import { unpackedProgram } from './unpacked.mjs';
import { run } from './run-command.mjs';

const lockWaitMs = 10 * 60_000;

export async function ensureEtcd({ cacheDir, say, env = process.env }) {
  mkdirSync(cacheDir, { recursive: true });
  const installed = await findInstalled(env);
  if (installed !== null) return installed;
  const root = join(cacheDir, 'etcd');
  return withLock(join(cacheDir, 'etcd.lock'), lockWaitMs, say, async () => {
    if (!existsSync(join(root, '.unpacked'))) await unpack(root, cacheDir, say);
    return describeUnpacked(root);
  });
}

async function findInstalled(env) {
  const named = env.HACTL_ETCD;
  if (named !== undefined && named !== '') {
    const command = resolve(named);
    const version = await versionOf(command, []);
    if (version === null) throw new Error(`HACTL_ETCD=${named} is not an etcd server`);
    return { origin: 'HACTL_ETCD', version, command, prefix: [] };
  }
  for (const dir of (env.PATH ?? '').split(delimiter)) {
    const command = join(dir, 'etcd');
    if (dir === '' || !existsSync(command)) continue;
    const version = await versionOf(command, []);
    if (version !== null) return { origin: 'PATH', version, command, prefix: [] };
  }
  return null;
}

async function unpack(root, cacheDir, say) {
  const workDir = join(cacheDir, `apt-etcd.${process.pid}`);
  const unpacking = join(cacheDir, `etcd.${process.pid}.unpacking`);
  try {
    rmSync(unpacking, { recursive: true, force: true });
    await unpackPackages({ suite: 'unstable', packages: ['etcd-server'], root: unpacking, workDir, say });
    await describeUnpacked(unpacking);
    writeFileSync(join(unpacking, '.unpacked'), `${new Date().toISOString()}\n`);
    rmSync(root, { recursive: true, force: true });
    renameSync(unpacking, root);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
    rmSync(unpacking, { recursive: true, force: true });
  }
}

async function describeUnpacked(root) {
  const { command, prefix } = unpackedProgram(root, 'usr/bin/etcd');
  const version = await versionOf(command, prefix);
  if (version === null) throw new Error(`the unpacked etcd below ${root} does not start`);
  return { origin: 'cache', version, command, prefix };
}

async function versionOf(command, prefix) {
  try {
    return /etcd Version: (\S+)/.exec(await run(command, [...prefix, '--version'], { timeoutMs: 20_000 }))?.[1] ?? null;
  } catch {
    return null;
  }
}
