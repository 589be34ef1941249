/**
 * manager.yaml: what is local to one manager. Text in, a fully defaulted ManagerConfig out, or one HactlError with
 * every problem. Secrets stay references here; `loadManagerConfig` resolves the token apart from the configuration.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { ManagerId, Secret, ServerAddress } from '../base/index.js';
import { errorMessage, HactlError, managerId } from '../base/index.js';
import { formatHostPort, parseHostPort } from './address.js';
import { limits } from './limits.js';
import { formatValue, refuseProblems } from './problems.js';
import type { SecretSource } from './secrets.js';
import { resolveSecret } from './secrets.js';
import { count, duration, hostPort, issueLines, name, named, oneOf, secretRef, shape, text } from './shape.js';
import { parseYaml } from './yaml-text.js';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface ManagerAddresses {
  readonly rpc: ServerAddress;
  readonly http: ServerAddress;
}

export interface ManagerConfig {
  readonly id: ManagerId;
  /** null: the store knows it. When given, it must be the store's. */
  readonly clusterId: string | null;
  readonly dataDir: string;
  /** Where this manager listens. */
  readonly listen: ManagerAddresses;
  /** Where the managers (this one too) find each other, in the order of the file. */
  readonly managers: ReadonlyMap<ManagerId, ManagerAddresses>;
  /** Reference of the token that changes over HTTP need; null: only loopback may change anything. */
  readonly token: string | null;
  readonly raft: { readonly electionTimeoutMs: number; readonly heartbeatMs: number };
  readonly disk: { readonly lowWaterBytes: number };
  readonly log: { readonly level: LogLevel };
}

export interface LoadedManagerConfig {
  readonly config: ManagerConfig;
  readonly token: Secret | null;
  /** Sentences for the log. */
  readonly warnings: readonly string[];
}

/** An election must not begin because one or two heartbeats were late. */
const heartbeatsPerElectionMin = 3;

const managerShape = shape(
  {
    id: name,
    cluster_id: name.optional(),
    data_dir: text('must be a path', (value) => value !== '' && !value.includes('\0')),
    rpc: hostPort().optional(),
    http: hostPort().optional(),
    managers: named(shape({ rpc: hostPort(), http: hostPort() }, ['learner', 'zone']), 'managers'),
    token: secretRef.optional(),
    raft: shape({
      election_timeout: duration(50, 60_000).default(1000),
      heartbeat: duration(10, 10_000).default(100),
    }).prefault({}),
    disk: shape({ low_water_mb: count(1, 1_000_000).default(64) }).prefault({}),
    log: shape({ level: oneOf(logLevels).default('info') }, ['file', 'format']).prefault({}),
  },
  ['tls'],
);

type RawMap = Readonly<Record<string, unknown>>;

function asMap(value: unknown): RawMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawMap) : {};
}

/** What no single key can tell: looked up in the raw value, so that it is reported together with the rest. */
function crossProblems(raw: RawMap): string[] {
  const problems: string[] = [];
  const managers = asMap(raw['managers']);
  const ids = Object.keys(managers);
  if (typeof raw['id'] === 'string' && ids.length > 0 && !ids.includes(raw['id'])) {
    problems.push(`id: ${formatValue(['id'], raw['id'])}: must be one of the managers: ${ids.join(', ')}`);
  }
  if ('managers' in raw && ids.length === 0) problems.push('managers: empty: must name at least this manager');
  if (ids.length > limits.managersMax) {
    problems.push(`managers: ${ids.length} managers: must be at most ${limits.managersMax}`);
  }
  const owners = new Map<string, string>();
  const claim = (path: string, value: unknown): void => {
    const address = typeof value === 'string' ? parseHostPort(value.toLowerCase()) : null;
    if (address === null) return;
    const key = formatHostPort(address);
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, path);
    else problems.push(`${path}: ${JSON.stringify(value)}: must be an address of its own; ${owner} has the same`);
  };
  for (const id of ids) {
    claim(`managers.${id}.rpc`, asMap(managers[id])['rpc']);
    claim(`managers.${id}.http`, asMap(managers[id])['http']);
  }
  if (typeof raw['rpc'] === 'string' && raw['rpc'] === raw['http']) {
    problems.push(`http: ${JSON.stringify(raw['http'])}: must be an address of its own; rpc has the same`);
  }
  return problems;
}

function timingProblems(raft: { readonly election_timeout: number; readonly heartbeat: number }): string[] {
  const minMs = raft.heartbeat * heartbeatsPerElectionMin;
  if (raft.election_timeout >= minMs) return [];
  const allowed = `must be at least ${heartbeatsPerElectionMin} heartbeats`;
  return [`raft.election_timeout: "${raft.election_timeout}ms": ${allowed}`];
}

/** `source` is the file as the person named it; it stands in the error. Throws HactlError `bad-config`. */
export function parseManagerConfig(yamlText: string, source: string): ManagerConfig {
  const yaml = parseYaml(yamlText);
  refuseProblems(source, yaml.problems);
  const result = managerShape.safeParse(yaml.value);
  const problems = [
    ...(result.success ? timingProblems(result.data.raft) : issueLines(yaml.value, result.error.issues)),
    ...crossProblems(asMap(yaml.value)),
  ];
  refuseProblems(source, problems);
  const value = result.data as z.output<typeof managerShape>;
  const managers = new Map(
    yaml.keysAt(['managers']).flatMap((id): [ManagerId, ManagerAddresses][] => {
      const addresses = value.managers[id];
      return addresses === undefined ? [] : [[managerId(id), addresses]];
    }),
  );
  const id = managerId(value.id);
  const own = managers.get(id) as ManagerAddresses;
  return {
    id,
    clusterId: value.cluster_id ?? null,
    dataDir: value.data_dir,
    listen: { rpc: value.rpc ?? own.rpc, http: value.http ?? own.http },
    managers,
    token: value.token ?? null,
    raft: { electionTimeoutMs: value.raft.election_timeout, heartbeatMs: value.raft.heartbeat },
    disk: { lowWaterBytes: value.disk.low_water_mb * 1024 * 1024 },
    log: { level: value.log.level },
  };
}

/** The text of a configuration file, bounded. Throws HactlError `bad-config`. */
export function readConfigFile(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > limits.fileBytesMax) throw new Error(`it is larger than ${limits.fileBytesMax} bytes`);
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new HactlError(
      { code: 'bad-config', what: `${path} cannot be read`, why: errorMessage(thrown), next: 'check the path' },
      { cause: thrown },
    );
  }
}

/** Reads, checks, and resolves what is relative: `data_dir` counts from the folder of the file. */
export function loadManagerConfig(path: string, secrets: SecretSource): LoadedManagerConfig {
  const config = parseManagerConfig(readConfigFile(path), path);
  const token = config.token === null ? null : resolveSecret('token', config.token, secrets);
  return {
    config: { ...config, dataDir: resolve(dirname(path), config.dataDir) },
    token: token?.secret ?? null,
    warnings: token?.warning ? [token.warning] : [],
  };
}
