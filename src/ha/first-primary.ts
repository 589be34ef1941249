/**
 * Who is the primary of a cluster that is declared for the first time? It looks before it believes (design section
 * 8): exactly one server that replicates from none, is writable and is followed by all the rest; anything else is
 * refused with what was seen, until a person names one. Pure.
 */
import type { ReplicaFacts, ServerAddress, ServerFacts, ServerName } from '../base/index.js';

export type FirstLook = {
  readonly name: ServerName;
  readonly address: ServerAddress;
} & ({ readonly facts: ServerFacts } | { readonly error: string });

export type FirstPrimary =
  | { readonly kind: 'found'; readonly primary: ServerName; readonly seen: readonly string[] }
  /** `reason` is a sentence, `seen` one line for each server. */
  | { readonly kind: 'refused'; readonly reason: string; readonly seen: readonly string[] };

type Seen = FirstLook & { readonly facts: ServerFacts };

/** Where a server is and who it says it is: enough to recognise it as somebody's source. */
export interface KnownServer {
  readonly address: ServerAddress;
  /** Null when it has never been seen. */
  readonly serverUuid: string | null;
}

/**
 * Does this receiver follow that server? The UUID decides where both are known, since a server may be known by several
 * addresses, and one address may lead to another server by now; before the first connection only the address is known.
 */
export function follows(
  replica: Pick<ReplicaFacts, 'sourceHost' | 'sourcePort' | 'sourceUuid'>,
  server: KnownServer,
): boolean {
  if (replica.sourceUuid !== '' && server.serverUuid !== null) return replica.sourceUuid === server.serverUuid;
  return replica.sourceHost === server.address.host && replica.sourcePort === server.address.port;
}

export function findFirstPrimary(
  input: { readonly servers: readonly FirstLook[] },
  requested: ServerName | null = null,
): FirstPrimary {
  const seen = input.servers.map((server) => sayServer(server, input.servers));
  const refused = (reason: string): FirstPrimary => ({ kind: 'refused', reason, seen });
  const answering = input.servers.filter(isSeen);
  const twins = sameUuid(answering);
  if (twins !== null) return refused(`${twins} share a server_uuid: one server twice, or a copied data directory`);
  const against = requested === null
    ? againstLookedUp(input.servers, answering)
    : againstRequested(requested, input.servers);
  if (against !== null) return refused(against);
  const primary = requested ?? rootsOf(answering)[0]?.name;
  return primary === undefined ? refused('there is no server to choose from') : { kind: 'found', primary, seen };
}

function isSeen(look: FirstLook): look is Seen {
  return 'facts' in look;
}

/** Replicates from none and is writable. */
function rootsOf(answering: readonly Seen[]): readonly Seen[] {
  return answering.filter(({ facts }) => facts.replica === null && !facts.readOnly && !facts.superReadOnly);
}

function againstLookedUp(servers: readonly FirstLook[], answering: readonly Seen[]): string | null {
  const silent = servers.filter((server) => !isSeen(server));
  const roots = rootsOf(answering);
  const [root] = roots;
  if (silent.length > 0) return `${names(silent)} cannot be looked at, so that nobody knows whom it follows`;
  if (root === undefined) return 'no server both replicates from none and is writable';
  if (roots.length > 1) return `${names(roots)} are all writable and replicate from none`;
  const astray = answering.filter((server) => server !== root && !isFollowerOf(server, root));
  if (astray.length > 0) return `${names(astray)} does not follow ${root.name}, which is writable and follows none`;
  return null;
}

/**
 * A person's word overrides what was seen, except where it cannot be meant: a server that follows a declared and
 * writable one would be recorded beside the true primary, and the next failover or switchover would act on the
 * wrong one.
 */
function againstRequested(requested: ServerName, servers: readonly FirstLook[]): string | null {
  const server = servers.find(({ name }) => name === requested);
  if (server === undefined) return `${requested} is not a server of this cluster (${names(servers)})`;
  if (!isSeen(server)) return `${requested} cannot be looked at: ${'error' in server ? server.error : ''}`;
  const source = servers.filter(isSeen).find((other) => other !== server && isFollowerOf(server, other));
  if (source !== undefined && !source.facts.readOnly) {
    return `${requested} follows ${source.name}, which is writable: ${source.name} looks like the primary`;
  }
  return null;
}

function isFollowerOf(server: Seen, source: Seen): boolean {
  return server.facts.replica !== null && follows(server.facts.replica, known(source));
}

function known(server: FirstLook): KnownServer {
  return { address: server.address, serverUuid: isSeen(server) ? server.facts.serverUuid : null };
}

function sameUuid(answering: readonly Seen[]): string | null {
  for (const { facts } of answering) {
    const twins = answering.filter((other) => other.facts.serverUuid === facts.serverUuid);
    if (twins.length > 1) return names(twins);
  }
  return null;
}

function sayServer(server: FirstLook, servers: readonly FirstLook[]): string {
  const where = `${server.name} ${server.address.host}:${server.address.port}`;
  if (!isSeen(server)) return `${where}: no answer (${'error' in server ? server.error : ''})`;
  const { replica, readOnly, superReadOnly } = server.facts;
  const mode = readOnly || superReadOnly ? 'read-only' : 'writable';
  if (replica === null) return `${where}: replicates from nobody, ${mode}`;
  const source = servers.find((other) => other !== server && follows(replica, known(other)));
  const from = `${replica.sourceHost}:${replica.sourcePort}`;
  return `${where}: replicates from ${from}${source === undefined ? ', not declared' : ` (${source.name})`}, ${mode}`;
}

function names(servers: readonly { readonly name: ServerName }[]): string {
  const all = servers.map(({ name }) => name);
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
