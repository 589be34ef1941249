/**
 * Prepares the database servers of the tests and the demo: `node scripts/fetch-servers.mjs mysql97`.
 * A server named by HACTL_MYSQLD or found on the PATH is used; else MySQL 9.7 is unpacked from Debian unstable into
 * .cache/servers, which git ignores. Then an empty data folder is made once, from which every server is copied.
 * Nothing is installed on the system. Safe to run twice and at the same time; whatever is half-done is thrown away.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackPackages } from './lib/apt.mjs';
import { withLock } from './lib/lock.mjs';
import { describeUnpackedMysqld, findInstalledMysqld, initialiseData } from './lib/mysqld.mjs';

const cacheDir = resolve(dirname(fileURLToPath(import.meta.url)), '../.cache/servers');
const lockWaitMs = 15 * 60_000;
/** Raise it when `initialiseData` changes: older data folders are then made anew. */
const dataVersion = 2;

/** Makes `.cache/servers/mysql97.json` (how to start it) and `.cache/servers/mysql97-data` (the empty data folder). */
export async function ensureMysql97({ say, env = process.env }) {
  return withLock(join(cacheDir, 'lock'), lockWaitMs, say, async () => {
    const server = await readyServer(env, say);
    const file = join(cacheDir, 'mysql97.json');
    writeAtomically(file, `${JSON.stringify(server, null, 2)}\n`);
    say(`MySQL ${server.version} (${server.origin}) is ready`);
    return server;
  });
}

/** The server with its data folder made. One found on the PATH may be unable to (AppArmor confines some): then ours. */
async function readyServer(env, say) {
  const installed = await findInstalledMysqld(env, say);
  if (installed !== null) {
    try {
      await ensureData(installed, say);
      return installed;
    } catch (error) {
      if (installed.origin !== 'PATH') throw error;
      say(`${installed.command} cannot make a data folder below .cache: not used`);
    }
  }
  const unpacked = await unpackedServer(say);
  await ensureData(unpacked, say);
  return unpacked;
}

async function unpackedServer(say) {
  const root = join(cacheDir, 'mysql97');
  const stamp = join(root, '.unpacked');
  if (!existsSync(stamp)) {
    const workDir = join(cacheDir, `apt.${process.pid}`);
    const unpacking = join(cacheDir, `mysql97.${process.pid}.unpacking`);
    try {
      rmSync(unpacking, { recursive: true, force: true });
      const packages = ['mysql-server-core', 'mysql-client-core'];
      await unpackPackages({ suite: 'unstable', packages, root: unpacking, workDir, say });
      await describeUnpackedMysqld(unpacking);
      writeFileSync(join(unpacking, '.unpacked'), `${new Date().toISOString()}\n`);
      rmSync(root, { recursive: true, force: true });
      renameSync(unpacking, root);
    } finally {
      rmSync(workDir, { recursive: true, force: true });
      rmSync(unpacking, { recursive: true, force: true });
    }
  }
  return describeUnpackedMysqld(root);
}

async function ensureData(server, say) {
  const dataDir = join(cacheDir, 'mysql97-data');
  const stamp = join(cacheDir, 'mysql97-data.made-by');
  const maker = `${server.version} ${server.origin} ${dataVersion}\n`;
  if (existsSync(dataDir) && existsSync(stamp) && readFileSync(stamp, 'utf8') === maker) return;
  say('making an empty data folder (once)');
  const making = join(cacheDir, `mysql97-data.${process.pid}.making`);
  try {
    rmSync(making, { recursive: true, force: true });
    await initialiseData(server, making);
    // Two servers with one server_uuid cannot replicate from each other: each copy makes its own.
    rmSync(join(making, 'auto.cnf'), { force: true });
    rmSync(stamp, { force: true });
    rmSync(dataDir, { recursive: true, force: true });
    renameSync(making, dataDir);
    writeAtomically(stamp, maker);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

function writeAtomically(file, text) {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}

async function main(names) {
  const say = (line) => process.stderr.write(`servers: ${line}\n`);
  mkdirSync(cacheDir, { recursive: true });
  for (const name of names.length === 0 ? ['mysql97'] : names) {
    if (name !== 'mysql97') throw new Error(`unknown server ${JSON.stringify(name)}; known: mysql97`);
    await ensureMysql97({ say });
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`servers: cannot prepare the test servers: ${error.message}\n`);
    process.exitCode = 1;
  });
}
