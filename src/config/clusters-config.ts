/**
 * clusters.yaml: what is true for all managers. Text in, a ClusterSpec per cluster out with every default filled in, or
 * one HactlError with every problem. Secrets stay references; `clusterSecretProblems` says which cannot be resolved.
 */
import { z } from 'zod';
import type { ClusterName, ServerName } from '../base/index.js';
import { clusterName, HactlError, serverName } from '../base/index.js';
import type { ClusterSpec } from '../ha/cluster-spec.js';
import { formatHostPort } from './address.js';
import { limits } from './limits.js';
import { refuseProblems } from './problems.js';
import type { SecretSource } from './secrets.js';
import { resolveSecret } from './secrets.js';
import { duration, host, issueLines, name, named, oneOf, secretRef, shape, user } from './shape.js';
import { parseYaml } from './yaml-text.js';

const portDefault = 3306;
const portAllowed = 'must be a port, 1 to 65535';

const account = shape({ user, password: secretRef }, ['tls']);

const server = shape(
  {
    host,
    port: z
      .int({ error: portAllowed })
      .min(1, { error: portAllowed })
      .max(65_535, { error: portAllowed })
      .default(portDefault),
    zone: name.optional(),
    candidate: oneOf(['prefer', 'allow', 'never']).default('allow'),
  },
  ['ssh', 'maintenance'],
);

const durability = z
  .string({ error: 'must be async' })
  .refine((value) => value !== 'lossless', {
    error: 'must be async; lossless comes with a later version and is not faked by this one',
    abort: true,
  })
  .refine((value) => value === 'async', { error: 'must be async' })
  .transform(() => 'async' as const);

const cluster = shape(
  {
    servers: named(server, 'servers'),
    mysql: account,
    replication: account,
    durability: durability.default('async'),
    detection: shape(
      {
        interval: duration(100, 60_000).default(1000),
        confirm: duration(100, 60_000).default(1000),
        probe_timeout: duration(100, 60_000).default(1000),
      },
      ['hung'],
    ).prefault({}),
    fencing: shape({ policy: oneOf(['best-effort', 'required']).default('best-effort') }, [
      'power_off',
      'self',
      'lease',
    ]).prefault({}),
    switchover: shape({ max_pause: duration(100, 60_000).default(5000) }).prefault({}),
  },
  ['ssh', 'vip', 'hooks', 'zones', 'rejoin', 'cool_down', 'notify', 'salvage'],
);

const file = shape({ clusters: named(cluster, 'clusters') }, ['notify', 'limits', 'defaults']);

type RawMap = Readonly<Record<string, unknown>>;

function asMap(value: unknown): RawMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawMap) : {};
}

/**
 * Counts and addresses, looked up in the raw value so that they are reported together with the rest. Hosts are compared
 * as text: a name and the address that it stands for are not seen to be one.
 */
function crossProblems(raw: unknown): string[] {
  const problems: string[] = [];
  const clusters = asMap(asMap(raw)['clusters']);
  const names = Object.keys(clusters);
  if (names.length > limits.clustersMax) {
    problems.push(`clusters: ${names.length} clusters: must be at most ${limits.clustersMax}`);
  }
  const owners = new Map<string, string>();
  for (const clusterKey of names) {
    const servers = asMap(asMap(clusters[clusterKey])['servers']);
    const path = `clusters.${clusterKey}.servers`;
    const count = Object.keys(servers).length;
    if ('servers' in asMap(clusters[clusterKey]) && count === 0) {
      problems.push(`${path}: empty: must name at least one server`);
    }
    if (count > limits.serversPerClusterMax) {
      problems.push(`${path}: ${count} servers: must be at most ${limits.serversPerClusterMax}`);
    }
    for (const [serverKey, value] of Object.entries(servers)) {
      const { host: rawHost, port = portDefault } = asMap(value);
      if (typeof rawHost !== 'string' || typeof port !== 'number') continue;
      const address = formatHostPort({ host: rawHost.toLowerCase(), port });
      const owner = owners.get(address);
      if (owner === undefined) owners.set(address, `${path}.${serverKey}`);
      else problems.push(`${path}.${serverKey}: "${address}": must be an address of its own; ${owner} has the same`);
    }
  }
  return problems;
}

function clusterSpec(value: z.output<typeof cluster>, serverOrder: readonly string[]): ClusterSpec {
  return {
    servers: serverOrder.flatMap((key) => {
      const spec = value.servers[key];
      if (spec === undefined) return [];
      const { host: hostText, port, zone, candidate } = spec;
      return [{ name: serverName(key), host: hostText, port, zone: zone ?? null, candidate }];
    }),
    mysql: value.mysql,
    replication: value.replication,
    durability: value.durability,
    detection: {
      intervalMs: value.detection.interval,
      confirmMs: value.detection.confirm,
      probeTimeoutMs: value.detection.probe_timeout,
    },
    fencing: { policy: value.fencing.policy },
    switchover: { maxPauseMs: value.switchover.max_pause },
  };
}

/** `source` is the file as the person named it; it stands in the error. Throws HactlError `bad-config`. */
export function parseClustersConfig(yamlText: string, source: string): Readonly<Record<ClusterName, ClusterSpec>> {
  const yaml = parseYaml(yamlText);
  refuseProblems(source, yaml.problems);
  const result = file.safeParse(yaml.value);
  refuseProblems(source, [
    ...(result.success ? [] : issueLines(yaml.value, result.error.issues)),
    ...crossProblems(yaml.value),
  ]);
  const { clusters } = result.data as z.output<typeof file>;
  const specs: Record<ClusterName, ClusterSpec> = {};
  for (const key of Object.keys(clusters)) {
    const value = clusters[key];
    if (value === undefined) continue;
    specs[clusterName(key)] = clusterSpec(value, yaml.keysAt(['clusters', key, 'servers']));
  }
  return specs;
}

export type ClusterSpecs = Readonly<Record<string, ClusterSpec>>;

export interface SecretReview {
  /** One line for each reference that cannot be resolved on this manager. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export function reviewClusterSecrets(clusters: ClusterSpecs, source: SecretSource): SecretReview {
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [key, spec] of Object.entries(clusters)) {
    for (const part of ['mysql', 'replication'] as const) {
      try {
        const { warning } = resolveSecret(`clusters.${key}.${part}.password`, spec[part].password, source);
        if (warning !== null) warnings.push(warning);
      } catch (thrown) {
        if (!(thrown instanceof HactlError)) throw thrown;
        problems.push(...thrown.details);
      }
    }
  }
  return { problems, warnings };
}

/** Throws HactlError `bad-secret` with every reference that this manager cannot resolve; returns the warnings. */
export function requireClusterSecrets(clusters: ClusterSpecs, source: SecretSource): readonly string[] {
  const { problems, warnings } = reviewClusterSecrets(clusters, source);
  if (problems.length === 0) return warnings;
  throw new HactlError({
    code: 'bad-secret',
    what: 'secrets that the configuration refers to are missing or cannot be used',
    next: 'put each where its reference points, readable by the manager, on every manager; nothing was changed',
    details: problems,
  });
}

/**
 * The `--primary` answers of an apply as cluster -> server. The empty key stands for the only cluster. Throws
 * HactlError `bad-request` for names that the configuration does not have.
 */
export function resolvePrimaries(
  primaries: Readonly<Record<string, string>>,
  clusters: ClusterSpecs,
): Readonly<Record<ClusterName, ServerName>> {
  const names = Object.keys(clusters);
  const resolved: Record<ClusterName, ServerName> = {};
  for (const [key, wanted] of Object.entries(primaries)) {
    const only = key === '' && names.length === 1 ? names[0] : key;
    const spec = only === undefined || only === '' ? undefined : clusters[only];
    if (only === undefined || spec === undefined) {
      const what = key === '' ? `--primary ${wanted} does not say of which cluster` : `there is no cluster ${key}`;
      throw badPrimary(what, `write CLUSTER=SERVER with one of the clusters: ${names.join(', ')}`);
    }
    const found = spec.servers.find((candidate) => candidate.name === wanted);
    if (found === undefined) {
      const known = spec.servers.map((candidate) => candidate.name).join(', ');
      throw badPrimary(`cluster ${only} has no server ${wanted}`, `name one of its servers: ${known}`);
    }
    resolved[clusterName(only)] = found.name;
  }
  return resolved;
}

function badPrimary(what: string, next: string): HactlError {
  return new HactlError({ code: 'bad-request', what, next });
}
