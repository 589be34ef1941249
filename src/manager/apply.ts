/**
 * `hactl apply`: checks a declaration, looks at every server of a new cluster before it believes who its primary is,
 * and commits it. Anything wrong is refused with everything that was seen, and nothing is changed.
 */
import { HactlError } from '../base/index.js';
import type { ServerName } from '../base/index.js';
import { parseClustersConfig, requireClusterSecrets, resolvePrimaries } from '../config/index.js';
import type { SecretSource } from '../config/index.js';
import { findFirstPrimary, lookAtAll, whyNotYet } from '../ha/index.js';
import type { ClusterSpec, Command, HaState } from '../ha/index.js';
import type { ApplyRequest, ApplyResponse } from '../http/index.js';
import type { Reign } from './reign.js';

const lookWithinMs = 3000;

export async function applyConfig(
  reign: Reign,
  secrets: SecretSource,
  request: ApplyRequest,
): Promise<ApplyResponse> {
  const clusters: Readonly<Record<string, ClusterSpec>> = parseClustersConfig(request.config, 'clusters.yaml');
  const warnings = requireClusterSecrets(clusters, secrets);
  const requested = resolvePrimaries(request.primaries, clusters);
  const { log } = reign.ports;
  const state = log.state();
  const changes = [...changesOf(state, clusters), ...warnings];
  if (isSame(state, clusters)) {
    return { configVersion: state.configVersion, dryRun: request.dryRun, changes: ['nothing to change'] };
  }
  const primaries: Record<string, ServerName> = {};
  for (const [name, spec] of Object.entries(clusters)) {
    if (state.clusters[name] !== undefined) continue;
    primaries[name] = await firstPrimary(reign, name, spec, (requested as Record<string, ServerName>)[name] ?? null);
    changes.push(`${name}: ${primaries[name]} is its primary`);
  }
  const command: Command = { kind: 'config-applied', clusters, primaries, basedOnVersion: state.configVersion };
  const notYet = whyNotYet(state, command);
  if (notYet !== null) throw notApplied(notYet);
  if (request.dryRun) return { configVersion: state.configVersion, dryRun: true, changes };
  const outcome = await log.propose(command, request.requestId);
  if (outcome.kind === 'lost') {
    throw new HactlError({
      code: 'unknown-outcome',
      what: 'it is not known whether the configuration was applied',
      why: outcome.reason,
      next: 'run the same command again: applying the same file twice changes nothing',
    });
  }
  const refusal = outcome.kind === 'dropped' ? outcome.reason : outcome.result.ok ? null : outcome.result.reason;
  if (refusal !== null) throw notApplied(refusal);
  return { configVersion: log.state().configVersion, dryRun: false, changes };
}

function notApplied(why: string): HactlError {
  return new HactlError({
    code: 'refused',
    what: 'the configuration was not applied',
    why,
    next: 'nothing was changed; mend it and run the command again',
  });
}

async function firstPrimary(
  reign: Reign,
  name: string,
  spec: ClusterSpec,
  requested: ServerName | null,
): Promise<ServerName> {
  const looks = await lookAtAll(reign.ports, spec, lookWithinMs);
  const servers = spec.servers.map((server) => {
    const look = looks.get(server.name);
    const address = { host: server.host, port: server.port };
    return look?.kind === 'facts'
      ? { name: server.name, address, facts: look.facts }
      : { name: server.name, address, error: look?.detail ?? 'not looked at' };
  });
  const found = findFirstPrimary({ servers }, requested);
  if (found.kind === 'found') return found.primary;
  throw new HactlError({
    code: 'refused',
    what: `the primary of ${name} cannot be told`,
    why: found.reason,
    details: found.seen,
    next: `mend what is listed, or say which it is with --primary ${name}=SERVER; nothing was changed`,
  });
}

function isSame(state: HaState, clusters: Readonly<Record<string, ClusterSpec>>): boolean {
  const now = Object.fromEntries(
    Object.values(state.clusters).map((cluster) => [cluster.name, cluster.pendingSpec ?? cluster.spec]),
  );
  return canonical(now) === canonical(clusters);
}

/** Order of keys set aside: the same declaration gives the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function changesOf(state: HaState, clusters: Readonly<Record<string, ClusterSpec>>): string[] {
  const changes: string[] = [];
  for (const [name, spec] of Object.entries(clusters)) {
    const known = state.clusters[name];
    if (known === undefined) {
      changes.push(`${name}: new, with ${spec.servers.map((server) => server.name).join(', ')}`);
    } else if (canonical(known.pendingSpec ?? known.spec) !== canonical(spec)) {
      const when = known.operation === null ? '' : ` (takes effect when ${known.operation.id} has ended)`;
      changes.push(`${name}: changed${when}`);
    }
  }
  for (const name of Object.keys(state.clusters)) {
    if (!(name in clusters)) changes.push(`${name}: not managed any more; its servers are left as they are`);
  }
  return changes;
}
