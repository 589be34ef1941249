/**
 * The first frames of a connection. The dialler says hello (protocol range, cluster, from, to, store, timing); the
 * other side checks each part and answers welcome, or refused with a reason. Two clusters that were given each other's
 * addresses, or a manager whose address now belongs to another one, are told apart here and can never exchange a vote.
 * All of it is claimed and nothing proved: it catches mistakes, not malice.
 * A sender is not refused for being absent from the local configuration: its configuration may be newer than ours
 * (Raft thesis 4.1).
 */
import { namePattern, type ManagerId, type ServerAddress } from '../base/index.js';
import { decode } from './codec.js';
import type { About, Claim } from './types.js';
import { protocolMax, protocolMin } from './limits.js';

export interface Hello extends Claim {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly clusterId: string;
  readonly to: ManagerId;
  /** Null: not said. */
  readonly electionTimeoutMs: number | null;
}

export type RefusalReason =
  | 'bad-hello'
  | 'protocol-version'
  | 'wrong-cluster'
  /** The caller wanted another manager than this one. */
  | 'wrong-receiver'
  /** The caller claims our own id: two managers were started with one id. */
  | 'own-id'
  /** Its election timeout is not ours. A vote within the longer of two timeouts breaks what the other one relies on. */
  | 'other-timing'
  /** Its id is connected now from another store. Not final: which of the two is the right one is not known here. */
  | 'id-in-use'
  /** Its id joined with another store: two managers run with one id, or it was made anew after a loss. */
  | 'other-store'
  /** As above, by an entry that is not committed, and may be taken back. Not final. */
  | 'other-store-unsure'
  /** Its store was further on before: it was set back, and has forgotten what it promised. */
  | 'older-store'
  | 'removed';

export interface Refusal {
  readonly reason: RefusalReason;
  readonly detail: string;
}

export type HelloVerdict =
  | { readonly kind: 'accepted'; readonly hello: Hello; readonly protocol: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface Identity {
  readonly clusterId: string;
  readonly self: ManagerId;
  readonly about: () => About;
  readonly electionTimeoutMs: number | null;
}

/** The connection that the caller's id has now. */
export interface Present {
  readonly storeId: string | null;
  readonly address: string;
}

const magic = 'hactl';

export function helloOf(own: Identity, to: ManagerId): Record<string, unknown> {
  const { clusterId, self: from, electionTimeoutMs } = own;
  return { magic, protocolMin, protocolMax, clusterId, from, to, electionTimeoutMs, ...own.about() };
}

export function welcomeOf(own: Identity, protocol: number): Record<string, unknown> {
  return { magic, protocol, clusterId: own.clusterId, from: own.self };
}

function fieldsOf(body: Uint8Array): Record<string, unknown> | null {
  const decoded = decode(body);
  if (decoded === null || typeof decoded.value !== 'object' || decoded.value === null) return null;
  return decoded.value as Record<string, unknown>;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isName = (value: unknown): value is ManagerId => typeof value === 'string' && namePattern.test(value);
const isShortText = (value: unknown): value is string => typeof value === 'string' && value.length <= 200;

export function decodeHello(body: Uint8Array): Hello | null {
  const fields = fieldsOf(body);
  if (fields === null || fields.magic !== magic) return null;
  const { protocolMin: min, protocolMax: max, clusterId, from, to } = fields;
  const { electionTimeoutMs = null } = fields;
  if (!isCount(min) || !isCount(max) || !isShortText(clusterId) || !isName(from) || !isName(to)) return null;
  const about = aboutIn(fields);
  if (about === null || (electionTimeoutMs !== null && !isCount(electionTimeoutMs))) return null;
  return { protocolMin: min, protocolMax: max, clusterId, from, to, electionTimeoutMs, ...about };
}

function aboutIn(fields: Record<string, unknown>): About | null {
  const { storeId = null, storeGeneration = null, rpc = null, http = null, reducerMax = null } = fields;
  if (storeId !== null && !isShortText(storeId)) return null;
  if (storeGeneration !== null && !isCount(storeGeneration)) return null;
  if (reducerMax !== null && (!isCount(reducerMax) || reducerMax < 1)) return null;
  const [rpcAddress, httpAddress] = [addressOf(rpc), addressOf(http)];
  if (rpcAddress === undefined || httpAddress === undefined) return null;
  return { storeId, storeGeneration, rpc: rpcAddress, http: httpAddress, reducerMax };
}

/** Undefined: not an address. */
function addressOf(value: unknown): ServerAddress | null | undefined {
  if (value === null) return null;
  if (typeof value !== 'object') return undefined;
  const { host, port } = value as Record<string, unknown>;
  if (!isShortText(host) || host === '' || !isCount(port) || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

/** What one of the two does not say is not compared. */
const differ = (left: unknown, right: unknown): boolean => left !== null && right !== null && left !== right;

const anotherCluster =
  'this manager belongs to another cluster id, or to another lineage of it (since a lost quorum was recovered)';

/**
 * Cluster before receiver: a stranger learns nothing about who lives here. The same store again is a reconnect, which
 * replaces what may be half-open; another one has to wait until the present connection is gone.
 */
export function judgeHello(own: Identity, hello: Hello | null, present: Present | null): HelloVerdict {
  const refused = (reason: RefusalReason, detail: string): HelloVerdict => ({
    kind: 'refused',
    refusal: { reason, detail },
  });
  if (hello === null) return refused('bad-hello', 'the first frame is not a hello of a hactl manager');
  if (hello.clusterId !== own.clusterId) return refused('wrong-cluster', anotherCluster);
  if (hello.to !== own.self) return refused('wrong-receiver', `this is ${own.self}, not ${hello.to}`);
  if (hello.from === own.self) return refused('own-id', `two managers run with the id ${own.self}`);
  const protocol = Math.min(protocolMax, hello.protocolMax);
  if (protocol < Math.max(protocolMin, hello.protocolMin)) {
    const theirs = `the build of ${hello.from} speaks versions ${hello.protocolMin} to ${hello.protocolMax}`;
    const ours = `that of ${own.self} ${protocolMin} to ${protocolMax}`;
    return refused('protocol-version', `${theirs} of the protocol, ${ours}`);
  }
  if (differ(own.electionTimeoutMs, hello.electionTimeoutMs)) {
    const both = `${own.electionTimeoutMs} ms here, ${hello.electionTimeoutMs} ms there`;
    return refused('other-timing', `the election timeout of ${hello.from} is another one: ${both}`);
  }
  if (present !== null && differ(present.storeId, hello.storeId)) {
    return refused('id-in-use', `${hello.from} is already connected from ${present.address}, with another store`);
  }
  return { kind: 'accepted', hello, protocol };
}

/** Null: a welcome from the manager that was dialled. Otherwise what is wrong with it. */
export function judgeWelcome(own: Identity, peer: ManagerId, body: Uint8Array): string | null {
  const fields = fieldsOf(body);
  if (fields === null || fields.magic !== magic) return 'bad-welcome';
  if (fields.clusterId !== own.clusterId) return 'wrong-cluster';
  if (fields.from !== peer) return 'wrong-peer';
  const { protocol } = fields;
  if (!isCount(protocol) || protocol < protocolMin || protocol > protocolMax) return 'protocol-version';
  return null;
}

export function decodeRefusal(body: Uint8Array): { readonly reason: string; readonly detail: string } {
  const fields = fieldsOf(body);
  const { reason, detail } = fields ?? {};
  return {
    reason: isShortText(reason) ? reason : 'bad-refusal',
    detail: isShortText(detail) ? detail : '',
  };
}
