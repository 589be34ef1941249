/**
 * Which mysqld the tests and the demo run, and how it is started. The answer is a descriptor, kept as JSON in
 * the cache, { origin, version, command, prefix, options }: `command prefix... --defaults-file=F options...` starts it
 * (--defaults-file and --no-defaults are accepted only as mysqld's first option, hence the two lists).
 */
import { rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { run } from './run-command.mjs';
import { isExecutable, unpackedProgram } from './unpacked.mjs';

/** Before it, statements and variables have their old names, which the test servers do not use. */
const oldestVersion = [8, 0, 26];

/** The server that HACTL_MYSQLD or the PATH names, or null. Throws when HACTL_MYSQLD names an unusable one. */
export async function findInstalledMysqld(env, say) {
  const named = env.HACTL_MYSQLD;
  if (named !== undefined && named !== '') {
    const version = await versionOf(resolve(named), []);
    if (version === null || isTooOld(version)) {
      throw new Error(`HACTL_MYSQLD=${named} is ${version === null ? 'not a MySQL server' : `MySQL ${version}`};`
        + ` MySQL ${oldestVersion.join('.')} or later is needed`);
    }
    return describe('HACTL_MYSQLD', resolve(named), version);
  }
  for (const dir of [...(env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const file = join(dir, 'mysqld');
    if (dir === '' || !isExecutable(file)) continue;
    const version = await versionOf(file, []);
    if (version !== null && !isTooOld(version)) return describe('PATH', file, version);
    say(`${file} is ${version === null ? 'not MySQL' : `MySQL ${version}`}: not used`);
  }
  return null;
}

/** How to run the mysqld unpacked into `root`: with its own loader, since its libc is newer than the host's. */
export async function describeUnpackedMysqld(root) {
  const { command, prefix } = unpackedProgram(root, 'usr/sbin/mysqld', ['usr/lib/mysql/private']);
  const version = await versionOf(command, prefix);
  if (version === null) throw new Error(`the unpacked mysqld below ${root} does not start`);
  const options = [`--lc-messages-dir=${join(root, 'usr/share/mysql')}`,
    `--plugin-dir=${join(root, 'usr/lib/mysql/plugin')}`,
    `--character-sets-dir=${join(root, 'usr/share/mysql/charsets')}`];
  return { origin: 'cache', version, command, prefix, options };
}

/**
 * Makes an initialised, empty data folder that servers are started from by copying it. root may also come over TCP from
 * 127.0.0.1: servers run with skip_name_resolve, where root@localhost is the socket alone. Nothing of this is in a
 * binary log, so every copy starts with an empty GTID set.
 */
export async function initialiseData(server, dataDir) {
  const initFile = `${dataDir}.sql`;
  writeFileSync(initFile, "CREATE USER root@'127.0.0.1' IDENTIFIED BY '';\n"
    + "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n");
  try {
    await run(server.command, [...server.prefix, '--no-defaults', ...server.options, `--datadir=${dataDir}`,
      '--initialize-insecure', `--init-file=${initFile}`, '--secure-file-priv=NULL', '--innodb-redo-log-capacity=16M',
      ...(process.getuid?.() === 0 ? ['--user=root'] : [])], { timeoutMs: 120_000 });
  } finally {
    rmSync(initFile, { force: true });
  }
}

function describe(origin, file, version) {
  return { origin, version, command: file, prefix: [], options: [] };
}

async function versionOf(command, args) {
  try {
    const text = await run(command, [...args, '--no-defaults', '--version'], { timeoutMs: 20_000 });
    if (/mariadb/i.test(text)) return null;
    return /Ver (\d+\.\d+\.\d+)/.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}

function isTooOld(version) {
  const parts = version.split('.').map(Number);
  for (let i = 0; i < oldestVersion.length; i += 1) {
    if (parts[i] !== oldestVersion[i]) return parts[i] < oldestVersion[i];
  }
  return false;
}
