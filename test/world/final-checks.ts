/** What must be true when everything has calmed down. Each check returns sentences; none means good. */
import { gtidSet } from '../../src/base/index.js';
import type { SimServer } from './sim-server.js';
import type { World } from './world.js';

/** How a server is set up: what an operation may change, and a rollback must restore. */
export function settingsOf(server: SimServer): string {
  const { status, readOnly, superReadOnly, offline, waitsForAcks, acknowledges, replica } = server;
  const source = replica === null
    ? 'replicates from nobody'
    : `from ${replica.source.host}, receiver ${replica.receiver}, applier ${replica.wantsApplier ? 'on' : 'off'}`;
  const flags = { readOnly, superReadOnly, offline, waitsForAcks, acknowledges };
  const on = Object.entries(flags).filter(([, isOn]) => isOn).map(([name]) => name);
  return `${server.name} ${status}: ${on.join(' ')}; ${source}`;
}

export function settingsOfAll(world: World): readonly string[] {
  return world.servers.map(settingsOf);
}

export interface Expected {
  /** A name, or null for anybody. */
  readonly primary?: string | null;
  readonly phases: readonly string[];
  /** Servers that need not follow: dead ones, and what a failover took away. */
  readonly away?: readonly string[];
  /** False: writes that were acknowledged may be missing on the new primary. */
  readonly isLossless?: boolean;
  /** True: no operation was started at all. */
  readonly isNothing?: boolean;
  /** True: the former primary came back open, after the promotion; a rejoin would shield it. */
  readonly isOldOpen?: boolean;
}

/** Everything that is wrong, the trace's end included, so that a failure explains itself. */
export function problemsOf(world: World, expected: Expected): string {
  const problems = [
    ...world.invariants.violations,
    ...world.bugs.map((thrown) => `bug: ${(thrown instanceof Error && thrown.stack) || String(thrown)}`),
    ...(expected.isNothing === true ? [] : endOfOperation(world, expected)),
    ...(expected.isOldOpen === true ? [] : oneWritable(world)),
    ...followers(world, expected.away ?? []),
    ...(expected.isLossless === false ? [] : lost(world)),
  ];
  if (problems.length === 0) return '';
  return `${problems.join('\n')}\n--- seed ${world.env.seed}\n${world.env.trace.text(120)}`;
}

function endOfOperation(world: World, expected: Expected): readonly string[] {
  const { operation, history, primary } = world.cluster;
  const last = operation ?? history.at(-1);
  const problems: string[] = [];
  if (last === undefined) return ['no operation was ever started'];
  if (!expected.phases.includes(last.phase)) problems.push(`${last.id} is ${last.phase}: ${last.reason}`);
  if (expected.primary !== undefined && expected.primary !== null && expected.primary !== primary) {
    problems.push(`${primary} is the primary, not ${expected.primary}`);
  }
  return problems;
}

function oneWritable(world: World): readonly string[] {
  const { primary, operation } = world.cluster;
  if (operation !== null) return [];
  const writable = world.servers.filter((server) => server.takesWrites).map((server) => server.name);
  const isDown = world.server(primary).status === 'down';
  if (isDown ? writable.length === 0 : writable.length === 1 && writable[0] === primary) return [];
  return [`${writable.join(' and ') || 'nobody'} takes writes, and ${primary} is the primary`];
}

function followers(world: World, away: readonly string[]): readonly string[] {
  const { primary, operation } = world.cluster;
  if (operation !== null) return [];
  const source = world.server(primary);
  return world.servers
    .filter(({ name }) => name !== primary && !away.includes(name))
    .flatMap((server) => {
      const { replica } = server;
      if (replica?.source.host !== source.host) return [`${settingsOf(server)}, not from ${primary}`];
      if (source.status === 'down') return [];
      if (replica.receiver !== 'on' || !replica.wantsApplier) return [`${settingsOf(server)}: does not replicate`];
      const errant = server.executed.subtract(source.executed);
      // In semi-sync a replica executes what its source still waits for.
      const running = errant.restrictTo(source.uuid);
      return errant.isEqual(running) ? [] : [`${server.name} has errant transactions ${errant.toString()}`];
    });
}

function lost(world: World): readonly string[] {
  const { executed } = world.server(world.cluster.primary);
  const missing = world.writers.acknowledged.filter(({ gtid }) => !gtidSet(gtid).isSubsetOf(executed));
  const first = missing[0];
  return first === undefined ? [] : [`${missing.length} acknowledged writes are lost, the first: ${first.gtid}`];
}
