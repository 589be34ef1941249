/**
 * How an entry, the state beside the log and the marker look as bytes. Each record carries a checksum of its own, and
 * each entry the hash of its parent, so that a missing, swapped or rotten record is seen whatever LevelDB says: it
 * verifies nothing on reading and drops bad records at open without an error (anchors: classic-level 3, LevelDB 1.20).
 *
 * An entry's hash covers its parent's hash, so equal hashes at one index mean equal logs up to there, on any manager:
 * the first parent is made from the cluster's id.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { logIndex, managerId, term, type LogIndex, type Term } from '../base/index.js';
import type { EntryPayload, HardState, StoredEntry } from './core/index.js';
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
  const fields = payload.kind === 'no-op' ? [] : [payload.session.id, payload.session.serial, payload.command];
  const body = encodeRecord([entry.index, entry.term, entry.timeMs, payload.kind, ...fields]);
  const content = new Uint8Array(hashBytes + body.length);
  content.set(parent);
  content.set(body, hashBytes);
  return { bytes: seal(content), hash: shortHash([parent, body]) };
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
  const [index, entryTerm, timeMs, kind, id, serial, command] = decodeRecord(body) as unknown[];
  let payload: EntryPayload;
  if (kind === 'no-op') {
    payload = { kind };
  } else if (kind === 'command') {
    // A plain Uint8Array, as it was written: a Buffer compares and prints differently.
    const copied = Uint8Array.from(command as Uint8Array);
    payload = { kind, session: { id: id as string, serial: serial as number }, command: copied };
  } else {
    return null;
  }
  const entry = {
    index: logIndex(index as number),
    term: term(entryTerm as number),
    timeMs: timeMs as number,
    payload,
  };
  return { entry, parent, hash: shortHash([parent, body]) };
}

/** Where a log ends. Index 0 with term 0 and the genesis hash: an empty log. */
export interface LogTail {
  readonly index: LogIndex;
  readonly term: Term;
  readonly hash: ChainHash;
}

/** What stands beside the entries in LevelDB, written by each batch; and, after the batch, in the marker. */
export interface StateRecord {
  /** Counts writes. Says how far LevelDB and the marker are from each other. */
  readonly generation: number;
  readonly hardState: HardState;
  readonly tail: LogTail;
}

export function encodeState(state: StateRecord): Uint8Array {
  const { generation, hardState, tail } = state;
  const { term: hardTerm, votedFor, commitIndex } = hardState;
  const fields = [generation, hardTerm, votedFor, commitIndex, tail.index, tail.term, tail.hash];
  return seal(encodeRecord(fields));
}

export function decodeState(bytes: Uint8Array): StateRecord | null {
  const content = unseal(bytes);
  if (content === null) return null;
  const [generation, hardTerm, votedFor, commitIndex, index, tailTerm, hash] = decodeRecord(content) as unknown[];
  return {
    generation: generation as number,
    hardState: {
      term: term(hardTerm as number),
      votedFor: votedFor === null ? null : managerId(votedFor as string),
      commitIndex: logIndex(commitIndex as number),
    },
    tail: {
      index: logIndex(index as number),
      term: term(tailTerm as number),
      hash: Uint8Array.from(hash as Uint8Array),
    },
  };
}

export function emptyState(clusterId: string): StateRecord {
  return {
    generation: 0,
    hardState: { term: term(0), votedFor: null, commitIndex: logIndex(0) },
    tail: { index: logIndex(0), term: term(0), hash: genesisHash(clusterId) },
  };
}
