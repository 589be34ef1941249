/**
 * How an entry, a snapshot, the state beside the log and the marker look as bytes. Each record carries a checksum of
 * its own, and each entry the hash of its parent, so that a missing, swapped or rotten record is seen whatever LevelDB
 * says: it verifies nothing on reading and drops bad records at open without an error (classic-level 3, LevelDB 1.20).
 *
 * An entry's hash covers its parent's hash, so equal hashes at one index mean equal logs since their base. The first
 * parent is made from the cluster's id; after a compaction it is the hash of the last entry that went; after a leader's
 * snapshot it is made from that snapshot.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { logIndex, managerId, term } from '../base/index.js';
import { decodeMembership, emptyBase } from './core/index.js';
import type { EntryPayload, HardState, LogBase, Snapshot, StoredEntry } from './core/index.js';
import { decodeRecord, encodeRecord } from './codec.js';

export const hashBytes = 16;
const formatVersion = 1;
/** Version, checksum. */
const sealBytes = 5;

export type ChainHash = Uint8Array;

function shortHash(parts: readonly Uint8Array[]): ChainHash {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest().subarray(0, hashBytes));
}

export function genesisHash(clusterId: string): ChainHash {
  return shortHash([Buffer.from(`hactl log ${clusterId}`, 'utf8')]);
}

export function sameHash(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** Version, checksum of the rest, the rest. */
function seal(content: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(sealBytes + content.length);
  sealed[0] = formatVersion;
  new DataView(sealed.buffer).setUint32(1, crc32(content, formatVersion));
  sealed.set(content, sealBytes);
  return sealed;
}

/** Null when the checksum does not fit or the version is not ours. */
function unseal(sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < sealBytes || sealed[0] !== formatVersion) return null;
  const content = sealed.subarray(sealBytes);
  const stated = new DataView(sealed.buffer, sealed.byteOffset, sealBytes).getUint32(1);
  return crc32(content, formatVersion) === stated ? content : null;
}

export interface EncodedEntry {
  readonly bytes: Uint8Array;
  readonly hash: ChainHash;
}

export function encodeEntry(entry: StoredEntry, parent: ChainHash): EncodedEntry {
  const { payload } = entry;
  const body = encodeRecord([entry.index, entry.term, entry.timeMs, payload.kind, ...fieldsOf(payload)]);
  const content = new Uint8Array(hashBytes + body.length);
  content.set(parent);
  content.set(body, hashBytes);
  return { bytes: seal(content), hash: shortHash([parent, body]) };
}

function fieldsOf(payload: EntryPayload): readonly unknown[] {
  switch (payload.kind) {
    case 'no-op':
      return [];
    case 'membership':
      return [payload.membership];
    case 'command':
      return [payload.session.id, payload.session.serial, payload.command];
  }
}

function payloadOf(kind: unknown, fields: readonly unknown[]): EntryPayload | null {
  if (kind === 'no-op') return { kind };
  if (kind === 'membership') {
    const membership = decodeMembership(fields[0]);
    return membership === null ? null : { kind, membership };
  }
  if (kind !== 'command') return null;
  const [id, serial, command] = fields;
  // A plain Uint8Array, as it was written: a Buffer compares and prints differently.
  const copied = Uint8Array.from(command as Uint8Array);
  return { kind, session: { id: id as string, serial: serial as number }, command: copied };
}

export interface DecodedEntry {
  readonly entry: StoredEntry;
  readonly parent: ChainHash;
  readonly hash: ChainHash;
}

export function decodeEntry(bytes: Uint8Array): DecodedEntry | null {
  const content = unseal(bytes);
  if (content === null || content.length < hashBytes) return null;
  const parent = content.slice(0, hashBytes);
  const body = content.subarray(hashBytes);
  const [index, entryTerm, timeMs, kind, ...fields] = decodeRecord(body) as unknown[];
  const payload = payloadOf(kind, fields);
  if (payload === null) return null;
  const entry = {
    index: logIndex(index as number),
    term: term(entryTerm as number),
    timeMs: timeMs as number,
    payload,
  };
  return { entry, parent, hash: shortHash([parent, body]) };
}

/** A place in the log, with the hash of all before it. Index 0 with term 0 and the genesis hash: an empty log. */
export interface ChainPoint extends LogBase {
  readonly hash: ChainHash;
}

/** What stands beside the entries in LevelDB, written by each batch; and, after the batch, in the marker. */
export interface StateRecord {
  /** Counts writes. Says how far LevelDB and the marker are from each other. */
  readonly generation: number;
  readonly hardState: HardState;
  /** Where the log begins. */
  readonly base: ChainPoint;
  /** Where it ends. */
  readonly tail: ChainPoint;
  /** Of the snapshot's record; null: there is none. */
  readonly snapshotHash: ChainHash | null;
}

const pointFields = ({ index, term: pointTerm, timeMs, hash }: ChainPoint): readonly unknown[] =>
  [index, pointTerm, timeMs, hash];

function pointOf(fields: unknown): ChainPoint {
  const [index, pointTerm, timeMs, hash] = fields as unknown[];
  return {
    index: logIndex(index as number),
    term: term(pointTerm as number),
    timeMs: timeMs as number,
    hash: Uint8Array.from(hash as Uint8Array),
  };
}

export function encodeState(state: StateRecord): Uint8Array {
  const { generation, hardState, base, tail, snapshotHash } = state;
  const { term: hardTerm, votedFor, commitIndex } = hardState;
  const points = [pointFields(base), pointFields(tail)];
  return seal(encodeRecord([generation, hardTerm, votedFor, commitIndex, ...points, snapshotHash]));
}

export function decodeState(bytes: Uint8Array): StateRecord | null {
  const content = unseal(bytes);
  if (content === null) return null;
  const [generation, hardTerm, votedFor, commitIndex, base, tail, snapshotHash] = decodeRecord(content) as unknown[];
  return {
    generation: generation as number,
    hardState: {
      term: term(hardTerm as number),
      votedFor: votedFor === null ? null : managerId(votedFor as string),
      commitIndex: logIndex(commitIndex as number),
    },
    base: pointOf(base),
    tail: pointOf(tail),
    snapshotHash: snapshotHash === null ? null : Uint8Array.from(snapshotHash as Uint8Array),
  };
}

export function emptyState(clusterId: string): StateRecord {
  const start: ChainPoint = { ...emptyBase, hash: genesisHash(clusterId) };
  return {
    generation: 0,
    hardState: { term: term(0), votedFor: null, commitIndex: logIndex(0) },
    base: start,
    tail: start,
    snapshotHash: null,
  };
}

export interface EncodedSnapshot {
  readonly bytes: Uint8Array;
  readonly hash: ChainHash;
}

export function encodeSnapshot({ index, term: atTerm, timeMs, membership, data }: Snapshot): EncodedSnapshot {
  const bytes = seal(encodeRecord([index, atTerm, timeMs, membership, data]));
  return { bytes, hash: shortHash([bytes]) };
}

export interface DecodedSnapshot {
  readonly snapshot: Snapshot;
  readonly hash: ChainHash;
}

export function decodeSnapshot(bytes: Uint8Array): DecodedSnapshot | null {
  const content = unseal(bytes);
  if (content === null) return null;
  const [index, atTerm, timeMs, members, data] = decodeRecord(content) as unknown[];
  const membership = decodeMembership(members);
  if (membership === null) return null;
  const snapshot = {
    index: logIndex(index as number),
    term: term(atTerm as number),
    timeMs: timeMs as number,
    membership,
    data: Uint8Array.from(data as Uint8Array),
  };
  return { snapshot, hash: shortHash([bytes]) };
}

/** The parent of the first entry after a snapshot that came from a leader: ours holds nothing of what was before. */
export function pointAfter(snapshot: Snapshot, genesis: ChainHash, snapshotHash: ChainHash): ChainPoint {
  const { index, term: atTerm, timeMs } = snapshot;
  return { index, term: atTerm, timeMs, hash: shortHash([genesis, snapshotHash]) };
}
