/**
 * The composition root: what `hactl init` and `hactl manager` run. Reads the configuration and the environment, and
 * ends the process when a manager must not go on.
 */
import { HactlError } from './base/index.js';
import type { Joining } from './cli/index.js';
import { formatHostPort, loadManagerConfig, nodeSecretSource } from './config/index.js';
import { createFailpoint } from './manager/failpoint.js';
import { createLogger } from './manager/log.js';
import { createManager } from './manager/create-manager.js';
import { runUntilEnd } from './manager/run-until-end.js';
import { initStore } from './raft/index.js';

/** Creates the data directory, once in a manager's life. Returns what to print. Throws HactlError. */
export async function initManager(configPath: string, clusterId: string, joining: Joining): Promise<string> {
  const { config } = loadManagerConfig(configPath, nodeSecretSource());
  const { id, dataDir, managers } = config;
  const { join, lineage } = joining;
  if (lineage !== null && !join) {
    throw new HactlError({
      code: 'bad-request',
      what: '--lineage belongs to --join',
      why: 'only managers that run already can have a lineage',
      next: 'leave it out, or add --join',
    });
  }
  if (join && managers.size < 2) {
    throw new HactlError({
      code: 'bad-config',
      what: `a manager that joins must know the others, and ${configPath} names ${id} alone`,
      next: 'add the managers that run already to `managers`, beside this one',
    });
  }
  const voters = join ? [] : [...managers.keys()];
  await initStore(dataDir, { clusterId, managerId: id, voters, lineage });
  const of = lineage === null ? clusterId : `${clusterId}, lineage ${lineage},`;
  const made = `manager ${id} of ${of} can be started; its store is in ${dataDir}`;
  if (!join) return made;
  const own = managers.get(id);
  const addresses = own === undefined ? '' : ` --rpc ${formatHostPort(own.rpc)} --http ${formatHostPort(own.http)}`;
  return `${made}\nit votes only after: hactl managers add ${id}${addresses}`;
}

/** Runs until SIGTERM or SIGINT (exit code 0) or until it must not go on (exit code 3). Throws HactlError at start. */
export async function runManager(configPath: string): Promise<void> {
  const loaded = loadManagerConfig(configPath, nodeSecretSource());
  const log = createLogger(loaded.config.log.level, loaded.config.id);
  const failpoint = createFailpoint(process.env['HACTL_FAILPOINT'], () => process.kill(process.pid, 'SIGKILL'));
  const manager = await createManager(loaded, log, failpoint);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const end = await runUntilEnd(manager, stopped);
  if (end === null) {
    log.info({ event: 'manager-stopped' });
    // Waits of an operation may still be running; they act on nothing any more.
    process.exit(0);
  }
  // No tidying up: whatever failed may be what tidying would use. The store is checked at the next start.
  log.fatal({ event: 'manager-failed', reason: end });
  process.stderr.write(`hactl: manager ${loaded.config.id} ends for good: ${end}\n`);
  process.exit(3);
}

/** For the data directory of a manager that does not run. */
export { storeTools } from './manager/store-tools.js';
