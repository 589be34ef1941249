/**
 * What speaks against a planned switchover. Pure. Everything at once, so that a person repairs it in one go; an
 * empty list is the only permission. An unplanned failover asks none of this.
 */
import type { ReplicaFacts, ServerFacts, ServerName } from '../base/index.js';
import type { ClusterSpec, ServerSpec } from './cluster-spec.js';
import { follows } from './first-primary.js';
import type { KnownServer } from './first-primary.js';
import type { Verdict } from './verdict.js';
import { verdictWords } from './verdict.js';

/**
 * A replica further behind than this is not ready for a planned change; it would eat the write pause many times
 * over.
 */
export const switchoverLagMsMax = 10_000;

export type HealthLook =
  | { readonly kind: 'facts'; readonly facts: ServerFacts }
  | { readonly kind: 'error'; readonly detail: string };

export interface SwitchoverQuestion {
  readonly spec: ClusterSpec;
  readonly primary: ServerName;
  /** Null while nobody is chosen. */
  readonly target: ServerName | null;
  readonly verdict: Verdict;
  /** Fresh looks, taken for this question. */
  readonly looks: ReadonlyMap<ServerName, HealthLook>;
  /** An operation that runs already, in words; left out or null inside the switchover itself. */
  readonly runningOperation?: string | null;
  /** Former primaries that nobody has brought back: known to be away, and no reason against it. */
  readonly awaitingRejoin?: readonly ServerName[];
}

export function switchoverRefusals(question: SwitchoverQuestion): readonly string[] {
  const { spec, primary, target, verdict, looks } = question;
  const away = new Set(question.awaitingRejoin ?? []);
  const refusals: string[] = [];
  if (question.runningOperation) refusals.push(`another operation is running: ${question.runningOperation}`);
  if (verdict.kind !== 'Healthy') {
    refusals.push(`the verdict is "${verdictWords[verdict.kind]}", not healthy: ${verdict.reason}`);
  }
  const { votersNeeded, voters, managers } = verdict.evidence;
  const seeing = managers.filter(({ isVoter, saw }) => isVoter && saw === 'ok').length;
  if (seeing < votersNeeded) {
    refusals.push(`only ${seeing} of ${voters} managers see ${primary} well, and ${votersNeeded} must`);
  }
  const primarySpec = spec.servers.find(({ name }) => name === primary);
  const primaryLook = looks.get(primary);
  if (primarySpec === undefined) return [...refusals, `${primary} is not declared`];
  refusals.push(...againstPrimary(primary, primaryLook));
  const known: KnownServer = {
    address: primarySpec,
    serverUuid: primaryLook?.kind === 'facts' ? primaryLook.facts.serverUuid : null,
  };
  for (const server of spec.servers) {
    if (server.name === primary || away.has(server.name)) continue;
    refusals.push(...againstReplica(server, looks.get(server.name), primary, known));
  }
  if (target !== null) refusals.push(...againstTarget(target, spec, primary, away));
  return refusals;
}

function againstPrimary(primary: ServerName, look: HealthLook | undefined): string[] {
  if (look === undefined) return [`${primary}, the primary, was not looked at`];
  if (look.kind === 'error') return [`${primary}, the primary, cannot be looked at: ${look.detail}`];
  const { facts } = look;
  const refusals: string[] = [];
  if (facts.readOnly || facts.superReadOnly) refusals.push(`${primary}, the primary, is read-only`);
  if (facts.offline) refusals.push(`${primary}, the primary, is offline for clients`);
  if (facts.replica !== null) {
    const from = `${facts.replica.sourceHost}:${facts.replica.sourcePort}`;
    refusals.push(`${primary}, the primary, itself replicates from ${from}`);
  }
  return refusals;
}

function againstReplica(
  { name }: ServerSpec,
  look: HealthLook | undefined,
  primary: ServerName,
  known: KnownServer,
): string[] {
  if (look === undefined) return [`${name} was not looked at`];
  if (look.kind === 'error') return [`${name} cannot be looked at: ${look.detail}`];
  const { facts } = look;
  const writable = facts.readOnly || facts.superReadOnly ? [] : [`${name} is writable, and is not the primary`];
  if (facts.replica === null) return [...writable, `${name} replicates from nobody`];
  if (!follows(facts.replica, known)) {
    const from = `${facts.replica.sourceHost}:${facts.replica.sourcePort}`;
    return [...writable, `${name} replicates from ${from}, not from ${primary}`];
  }
  return [...writable, ...againstReplication(name, facts.replica)];
}

function againstReplication(name: ServerName, replica: ReplicaFacts): string[] {
  const because = (error: string): string => (error === '' ? '' : `: ${error}`);
  const refusals: string[] = [];
  if (replica.receiver === 'off') refusals.push(`${name} does not receive${because(replica.receiverError)}`);
  if (replica.receiver === 'connecting') {
    refusals.push(`${name} has no connection to the primary${because(replica.receiverError)}`);
  }
  if (replica.applier === 'off') refusals.push(`${name} does not apply${because(replica.applierError)}`);
  // A delayed replica lags because it was told to; it cannot be the target, and is in nobody's way.
  if (replica.lagMs !== null && replica.delayS === 0 && replica.lagMs > switchoverLagMsMax) {
    const [lagS, maxS] = [replica.lagMs / 1000, switchoverLagMsMax / 1000];
    refusals.push(`${name} lags ${lagS.toFixed(1)} s behind, more than ${maxS} s`);
  }
  return refusals;
}

/** What choosePrimary cannot know: it judges fitness, these are about the request. */
function againstTarget(
  target: ServerName,
  spec: ClusterSpec,
  primary: ServerName,
  away: ReadonlySet<ServerName>,
): string[] {
  const declared = spec.servers.find(({ name }) => name === target);
  if (declared === undefined) return [`${target} is not a server of this cluster`];
  if (target === primary) return [`${target} is the primary already`];
  if (away.has(target)) return [`${target} is a former primary that has not been brought back`];
  if (declared.candidate === 'never') return [`${target} is declared candidate: never`];
  return [];
}
