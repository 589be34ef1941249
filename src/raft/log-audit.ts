/**
 * Judges what LevelDB gave back at open, against its own state record and the marker. Pure. The rule: whatever was
 * acknowledged must be there, whole and linked; anything less is a fault for a person, because a node with a hole in
 * its log may have voted for, or counted towards, what it no longer has.
 *
 * Each write is one atomic batch with generation g in LevelDB, and then generation g in the marker, and only then an
 * acknowledgement. So after a crash the database is at the marker's generation or exactly one ahead. Behind it, it has
 * lost an acknowledged write; further ahead, the two files do not belong together.
 */
import type { StoredEntry } from './core/index.js';
import { decodeEntry, sameHash, type ChainHash, type StateRecord } from './log-record.js';

export interface RawEntry {
  /** From the key. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

export type Audit =
  | {
      readonly kind: 'sound';
      readonly entries: readonly StoredEntry[];
      /** hashes[i] belongs to entries[i]. */
      readonly hashes: readonly ChainHash[];
      /** The write after the marker was never acknowledged and did not survive whole: cut from this index on. */
      readonly cutFrom: number | null;
    }
  | { readonly kind: 'faulted'; readonly why: string };

export function auditLog(
  genesis: ChainHash,
  marker: StateRecord,
  stored: StateRecord | null,
  raw: readonly RawEntry[],
): Audit {
  if (stored === null) return faulted('the record of term and vote is missing or damaged');
  if (stored.generation < marker.generation) {
    const [have, want] = [stored.generation, marker.generation];
    return faulted(`the database ends at write ${have}, but write ${want} was acknowledged`);
  }
  if (stored.generation > marker.generation + 1) {
    const [have, want] = [stored.generation, marker.generation];
    return faulted(`the database is at write ${have}, the marker at ${want}: they do not belong together`);
  }
  const { entries, hashes, broken } = readChain(genesis, raw);
  const acknowledgedOnly = stored.generation === marker.generation;
  if (broken === null) {
    const fault = tailFault(stored, entries, hashes, genesis);
    if (fault !== null) return faulted(fault);
    if (acknowledgedOnly && !sameTail(stored, marker)) return faulted('the marker names another end of the log');
    return { kind: 'sound', entries, hashes, cutFrom: null };
  }
  // Damage. It is harmless only in what the unacknowledged write appended after the marker's end of the log.
  const markerHash = marker.tail.index === 0 ? genesis : hashes[marker.tail.index - 1];
  const beyondMarker = !acknowledgedOnly && broken.index > marker.tail.index;
  if (!beyondMarker || markerHash === undefined || !sameHash(markerHash, marker.tail.hash)) {
    return faulted(`entry ${broken.index} ${broken.why}`);
  }
  return { kind: 'sound', entries, hashes, cutFrom: broken.index };
}

const faulted = (why: string): Audit => ({ kind: 'faulted', why });

function readChain(genesis: ChainHash, raw: readonly RawEntry[]): {
  entries: StoredEntry[];
  hashes: ChainHash[];
  broken: { index: number; why: string } | null;
} {
  const entries: StoredEntry[] = [];
  const hashes: ChainHash[] = [];
  let parent = genesis;
  for (const { index, bytes } of raw) {
    const expected = entries.length + 1;
    const broken = (why: string) => ({ entries, hashes, broken: { index: expected, why } });
    if (index !== expected) return broken('is missing');
    const decoded = decodeEntry(bytes);
    if (decoded === null) return broken('has a wrong checksum');
    if (decoded.entry.index !== index) return broken(`is stored as entry ${decoded.entry.index}`);
    if (!sameHash(decoded.parent, parent)) return broken('does not follow from the entry before it');
    entries.push(decoded.entry);
    hashes.push(decoded.hash);
    parent = decoded.hash;
  }
  return { entries, hashes, broken: null };
}

function tailFault(
  stored: StateRecord,
  entries: readonly StoredEntry[],
  hashes: readonly ChainHash[],
  genesis: ChainHash,
): string | null {
  const { tail, hardState } = stored;
  if (entries.length !== tail.index) return `the log ends at entry ${entries.length} instead of ${tail.index}`;
  const last = entries.at(-1);
  if (!sameHash(hashes.at(-1) ?? genesis, tail.hash) || (last?.term ?? 0) !== tail.term) {
    return `entry ${tail.index} is not the one that was written last`;
  }
  if (hardState.term < tail.term) return `the log holds term ${tail.term}, the stored term is ${hardState.term}`;
  if (hardState.commitIndex > tail.index) {
    return `entries up to ${hardState.commitIndex} were committed, the log ends at ${tail.index}`;
  }
  return null;
}

function sameTail(left: StateRecord, right: StateRecord): boolean {
  return left.tail.index === right.tail.index && sameHash(left.tail.hash, right.tail.hash);
}
