/**
 * The data directory of a manager: `meta.json` (who it belongs to), `marker`, `log/` (LevelDB). `initStore` makes it,
 * once; `openStore` opens what is there and never makes anything. `meta.json` is written last, by rename: a directory
 * without it was never a member.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage, managerId, namePattern, type ManagerId } from '../base/index.js';
import { createDatabase, databaseDirectory, markerPath, syncDirectory } from './level-database.js';
import { LevelLogStore } from './level-log-store.js';
import { emptyState } from './log-record.js';
import { MarkerFile } from './marker-file.js';
import {
  foreignStore, otherOwner, recoveryUnfinished, storeExists, storeFaulted, storeMissing, storeUnreadable,
} from './store-errors.js';

export interface StoreIdentity {
  readonly clusterId: string;
  readonly managerId: ManagerId;
  /** The first voters; later changes are entries of the log. Empty: it joins, and the leader will tell it. */
  readonly voters: readonly ManagerId[];
  /**
   * Set when the quorum was lost for good and somebody went on alone (recover-store.ts): managers of before, should
   * they come back, belong to another lineage and cannot talk to those of after.
   */
  readonly lineage?: string | null;
}

export interface StoreMeta extends StoreIdentity {
  readonly lineage: string | null;
  readonly formatVersion: number;
  /** Random: tells a directory from one that was made anew in its place. */
  readonly storeId: string;
  /**
   * Set while a recovery from a lost quorum (recover-store.ts) is under way: where the copy of the store of before is.
   * Nobody may start on it: meta.json may speak of the new lineage while the log is still that of the old one.
   */
  readonly recovering: string | null;
}

export interface OpenedStore {
  readonly meta: StoreMeta;
  /** Not open yet: the Raft node opens it at its start. */
  readonly store: LevelLogStore;
}

const formatVersion = 1;
const ourNames = ['meta.json', 'meta.json.tmp', 'marker', 'log'];
const metaPath = (directory: string): string => join(directory, 'meta.json');

function checksumOf(meta: StoreMeta): string {
  const { clusterId, lineage, managerId: id, voters, storeId, recovering } = meta;
  // Without a recovery as it has always been; with one, no older build accepts it.
  const more = recovering === null ? [] : [recovering];
  const text = JSON.stringify([meta.formatVersion, clusterId, lineage, id, voters, storeId, ...more]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw thrown;
  });
}

export const newStoreId = (): string => randomBytes(8).toString('hex');

/** Run once in the life of a manager. Throws `store-exists` when anything of ours is there, finished or not. */
export async function initStore(directory: string, identity: StoreIdentity): Promise<StoreMeta> {
  const found = (await namesIn(directory)).filter((name) => ourNames.includes(name));
  if (found.length > 0) throw storeExists(directory, found);
  const { clusterId, lineage = null, managerId: id, voters } = identity;
  const storeId = newStoreId();
  const meta = { formatVersion, clusterId, lineage, managerId: id, voters: [...voters], storeId, recovering: null };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const state = emptyState(clusterId);
  await createDatabase(directory, state);
  await MarkerFile.create(markerPath(directory), state);
  await syncDirectory(directory);
  await writeMeta(directory, meta);
  await syncDirectory(dirname(directory));
  return meta;
}

/** Whole or not at all. */
export async function writeMeta(directory: string, meta: StoreMeta): Promise<void> {
  const temporary = `${metaPath(directory)}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    const { recovering, ...always } = meta;
    const fields = { ...always, ...(recovering === null ? {} : { recovering }), checksum: checksumOf(meta) };
    await file.writeFile(`${JSON.stringify(fields, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, metaPath(directory));
  await syncDirectory(directory);
}

/** What connections compare: managers of different lineages are strangers. */
export function wireClusterId({ clusterId, lineage }: StoreMeta): string {
  return lineage === null ? clusterId : `${clusterId}#${lineage}`;
}

/** Throws `store-missing`, `store-faulted`, or `refused`: it is somebody else's, or this user may not read it. */
export async function openStore(directory: string, expected: ExpectedOwner): Promise<OpenedStore> {
  const meta = await readStoreMeta(directory);
  refuseForeign(directory, meta, expected);
  if (meta.recovering !== null) throw recoveryUnfinished(directory, meta.recovering);
  await requireParts(directory);
  return { meta, store: new LevelLogStore(directory, meta.clusterId) };
}

export interface ExpectedOwner {
  readonly clusterId?: string;
  readonly managerId: ManagerId;
}

/** Throws `refused`. */
export function refuseForeign(directory: string, meta: StoreMeta, expected: ExpectedOwner): void {
  const foreign: string[] = [];
  if (meta.managerId !== expected.managerId) {
    foreign.push(`it was made for manager ${meta.managerId}, this is ${expected.managerId}`);
  }
  if (expected.clusterId !== undefined && meta.clusterId !== expected.clusterId) {
    foreign.push(`it was made for cluster ${meta.clusterId}, this is ${expected.clusterId}`);
  }
  if (foreign.length > 0) throw foreignStore(directory, foreign);
}

/** Throws `store-faulted`. */
export async function requireParts(directory: string): Promise<void> {
  const names = await namesIn(directory);
  for (const path of [databaseDirectory(directory), markerPath(directory)]) {
    const name = basename(path);
    if (!names.includes(name)) throw storeFaulted(directory, `${name} is gone`);
  }
}

/** For tools that write: what root wrote, the manager's own user could not read. Throws `refused`. */
export async function refuseOtherUser(directory: string): Promise<void> {
  const ownUid = process.geteuid?.();
  const owner = await stat(directory).catch(() => null);
  if (ownUid === undefined || owner === null || owner.uid === ownUid) return;
  throw otherOwner(directory, ownUid, owner.uid);
}

const isForbidden = (thrown: unknown): boolean =>
  ['EACCES', 'EPERM'].includes((thrown as NodeJS.ErrnoException).code ?? '');

/** Throws `store-missing`, `store-faulted`, and `refused` when this user may not read it. */
export async function readStoreMeta(directory: string): Promise<StoreMeta> {
  const present = await namesIn(directory).catch((thrown: unknown) => {
    throw isForbidden(thrown) ? storeUnreadable(directory, thrown) : thrown;
  });
  const names = present.filter((name) => ourNames.includes(name));
  if (names.length === 0) throw storeMissing(directory);
  if (!names.includes('meta.json')) {
    throw storeFaulted(directory, 'meta.json is gone, or `hactl init` was interrupted before it was written');
  }
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(await readFile(metaPath(directory), 'utf8')) as Record<string, unknown>;
  } catch (thrown) {
    if (isForbidden(thrown)) throw storeUnreadable(directory, thrown);
    throw storeFaulted(directory, `meta.json cannot be read: ${errorMessage(thrown)}`, thrown);
  }
  const meta = decodeMeta(fields);
  if (meta === null || fields.checksum !== checksumOf(meta)) {
    throw storeFaulted(directory, 'meta.json is damaged or was edited');
  }
  return meta;
}

function decodeMeta(fields: Record<string, unknown>): StoreMeta | null {
  const { formatVersion: version, clusterId, lineage, managerId: id, voters, storeId, recovering = null } = fields;
  const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === 'string';
  const isName = (value: unknown): value is string => typeof value === 'string' && namePattern.test(value);
  if (version !== formatVersion || typeof clusterId !== 'string' || typeof storeId !== 'string') return null;
  if (!isName(id) || !Array.isArray(voters) || !voters.every(isName)) return null;
  if (!isTextOrNull(lineage) || !isTextOrNull(recovering)) return null;
  const ids = { managerId: managerId(id), voters: voters.map(managerId) };
  return { formatVersion, clusterId, lineage, ...ids, storeId, recovering };
}
