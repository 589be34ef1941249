/**
 * The composition root: what `hactl init` and `hactl manager` run. Reads the configuration and the environment, and
 * ends the process when a manager must not go on.
 */
import { loadManagerConfig, nodeSecretSource } from './config/index.js';
import { createFailpoint } from './manager/failpoint.js';
import { createLogger } from './manager/log.js';
import { createManager } from './manager/create-manager.js';
import { initStore } from './raft/index.js';

/** Creates the data directory, once in a manager's life. Returns the sentence to print. Throws HactlError. */
export async function initManager(configPath: string, clusterId: string): Promise<string> {
  const { config } = loadManagerConfig(configPath, nodeSecretSource());
  await initStore(config.dataDir, { clusterId, managerId: config.id, voters: [...config.managers.keys()] });
  return `manager ${config.id} of ${clusterId} can be started; its store is in ${config.dataDir}`;
}

/** Runs until SIGTERM or SIGINT (exit code 0) or until it must not go on (exit code 3). Throws HactlError at start. */
export async function runManager(configPath: string): Promise<void> {
  const loaded = loadManagerConfig(configPath, nodeSecretSource());
  const log = createLogger(loaded.config.log.level, loaded.config.id);
  const failpoint = createFailpoint(process.env['HACTL_FAILPOINT'], () => process.kill(process.pid, 'SIGKILL'));
  const manager = await createManager(loaded, log, failpoint);
  const stopped = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve('stopped'));
  });
  await manager.start();
  const end = await Promise.race([stopped, manager.failed]);
  if (end === 'stopped') {
    await manager.stop();
    log.info({ event: 'manager-stopped' });
    // Waits of an operation may still be running; they act on nothing any more.
    process.exit(0);
  }
  // No tidying up: whatever failed may be what tidying would use. The store is checked at the next start.
  log.fatal({ event: 'manager-failed', reason: end });
  process.exit(3);
}

/** For the data directory of a manager that does not run. */
export { storeTools } from './manager/store-tools.js';
