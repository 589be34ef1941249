/**
 * The demo: three real MySQL servers, three managers as processes of their own, and a writer that never pauses. Kills
 * the primary with SIGKILL, shows the failover step by step, and counts what the writer lost.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { OperationStatus } from '../src/http/index.js';
import { temporaryDir } from '../test/support/child-process.js';
import { primaryFinder, startManagers, writeClustersFile } from '../test/support/managers.js';
import type { Managers } from '../test/support/managers.js';
import { startMysqlCluster } from '../test/support/mysql-cluster.js';
import type { MysqlCluster } from '../test/support/mysql-cluster.js';
import { askStatus } from '../test/support/stage.js';
import { startWriter } from '../test/support/writer.js';
import { parseDemoOptions } from './options.js';
import type { DemoOptions } from './options.js';
import { watchOperation } from './watch-operation.js';

const cluster = 'app1';
/** How long the writer runs before the primary is killed, and after the failover. */
const warmUpMs = 3000;
const afterMs = 1000;
const failoverLimitMs = 60_000;

interface DemoResult {
  readonly writeDowntimeMs: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly unknown: number;
  readonly oldPrimary: string;
  readonly newPrimary: string | null;
  readonly operationId: string;
  readonly epochs: readonly number[];
  readonly durability: string;
  readonly phases: Readonly<Record<string, number>>;
  readonly killedAt: string | null;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function hactl(managers: Managers, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await managers.cli(args);
  if (code !== 0) throw new Error(`hactl ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

async function main(options: DemoOptions): Promise<number> {
  const dir = await temporaryDir('demo');
  say('starting three MySQL servers (AFTER_SYNC semi-sync) ...');
  const mysql = await startMysqlCluster({ replicas: 2, semiSync: true, dir });
  let managers: Managers | null = null;
  try {
    say('starting three managers ...');
    const env = options.killAt === null ? {} : { HACTL_FAILPOINT: `failover:${options.killAt}` };
    managers = await startManagers({ dir: `${dir}/managers`, clusterId: 'demo', env });
    const file = await writeClustersFile(dir, cluster, mysql);
    say(await hactl(managers, 'apply', file, '--yes'));
    const result = await failOver(mysql, managers, options);
    sayResult(result);
    if (!options.isOnce) await stayUp(managers);
    if (options.isJson) say(JSON.stringify(result));
    return isGood(result) ? 0 : 1;
  } finally {
    await managers?.stopAll();
    await mysql.stopAll();
  }
}

async function failOver(mysql: MysqlCluster, managers: Managers, options: DemoOptions): Promise<DemoResult> {
  const writer = startWriter({ findPrimary: primaryFinder(managers.urls, cluster), intervalMs: 5 });
  await writer.waitForAck(0, 10_000);
  await pause(warmUpMs);
  say(await hactl(managers, 'status'));
  const leader = await managers.waitForLeader();
  const dies = options.killAt === null ? '' : `; ${leader.id}, which leads, dies after "${options.killAt}"`;
  const { pid } = mysql.primary;
  say(`killing the primary (SIGKILL to mysqld ${pid}) after ${writer.acknowledged} acknowledged writes${dies}`);
  const killedAtMs = performance.now();
  const killed = mysql.primary.kill('SIGKILL');
  const operation = await watchOperation({ urls: managers.urls, cluster, timeoutMs: failoverLimitMs, onLine: say });
  await killed;
  await writer.waitForAck(performance.now(), failoverLimitMs);
  await pause(afterMs);
  await writer.stop();
  const { ms } = writer.longestGap(killedAtMs);
  if (leader.ended !== null) {
    say(`${leader.id} died (${leader.ended.signal ?? leader.ended.code}); starting it again`);
    await leader.restart({ HACTL_FAILPOINT: '' });
    await managers.waitForLeader();
  } else if (options.killAt !== null) {
    throw new Error(`${leader.id} should have died after "${options.killAt}" and lives`);
  }
  say(await hactl(managers, 'status'));
  const newPrimary = await primaryFinder(managers.urls, cluster)();
  const lost = newPrimary === null ? writer.acknowledged : (await writer.findLost(newPrimary)).length;
  return {
    writeDowntimeMs: Math.round(ms),
    acknowledged: writer.acknowledged,
    lost,
    unknown: writer.unknown,
    oldPrimary: operation.oldPrimary,
    newPrimary: operation.newPrimary,
    operationId: operation.id,
    epochs: operation.epochs,
    durability: await durabilityOf(managers),
    phases: phasesOf(operation),
    killedAt: options.killAt,
  };
}

async function durabilityOf(managers: Managers): Promise<string> {
  const status = await askStatus((await managers.waitForLeader()).url);
  return status?.clusters.find((candidate) => candidate.name === cluster)?.durability ?? 'unknown';
}

function phasesOf(operation: OperationStatus): Readonly<Record<string, number>> {
  const phases: Record<string, number> = {};
  for (const step of operation.steps) {
    if (step.durationMs !== null) phases[step.step] = (phases[step.step] ?? 0) + step.durationMs;
  }
  return phases;
}

/** Another primary, nothing lost, and a leader that died was followed by one at a higher epoch. */
function isGood({ lost, oldPrimary, newPrimary, killedAt, epochs }: DemoResult): boolean {
  const isHandedOver = killedAt === null || epochs.length > 1;
  return lost === 0 && newPrimary !== null && newPrimary !== oldPrimary && isHandedOver;
}

function sayResult(result: DemoResult): void {
  say(`primary            ${result.oldPrimary} -> ${result.newPrimary ?? 'none'} (${result.operationId})`);
  say(`write downtime     ${result.writeDowntimeMs} ms`);
  say(`acknowledged       ${result.acknowledged}`);
  say(`lost               ${result.lost}`);
}

async function stayUp(managers: Managers): Promise<void> {
  say('\nthe cluster stays up until Ctrl-C; in another terminal, try:\n');
  say(`  export HACTL_URL=${managers.urls.join(',')}`);
  say('  node dist/main.js status');
  say(`  node dist/main.js switchover ${cluster}`);
  say('  node dist/main.js history\n');
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

try {
  process.exitCode = await main(parseDemoOptions(process.argv.slice(2)));
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
