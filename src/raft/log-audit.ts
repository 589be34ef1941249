/**
 * Judges what LevelDB gave back at open, against its own state record and the marker. Pure. The rule: whatever was
 * acknowledged must be there, whole and linked; anything less is a fault for a person, because a node with a hole in
 * its log may have voted for, or counted towards, what it no longer has.
 *
 * Each write is one atomic batch with generation g in LevelDB, and then generation g in the marker, and only then an
 * acknowledgement. So after a crash the database is at the marker's generation or exactly one ahead. Behind it, it has
 * lost an acknowledged write; further ahead, the two files do not belong together.
 */
import type { Snapshot, StoredEntry } from './core/index.js';
import { decodeEntry, decodeSnapshot, sameHash } from './log-record.js';
import type { ChainHash, ChainPoint, StateRecord } from './log-record.js';

export interface RawEntry {
  /** From the key. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

export type Audit =
  | {
      readonly kind: 'sound';
      readonly snapshot: Snapshot | null;
      readonly entries: readonly StoredEntry[];
      /** hashes[i] belongs to entries[i]. */
      readonly hashes: readonly ChainHash[];
      /** The write after the marker was never acknowledged and did not survive whole: cut from this index on. */
      readonly cutFrom: number | null;
    }
  | { readonly kind: 'faulted'; readonly why: string };

/** What the database holds. */
export interface RawStore {
  readonly state: StateRecord | null;
  readonly snapshot: Uint8Array | null;
  readonly entries: readonly RawEntry[];
}

export function auditLog(marker: StateRecord, raw: RawStore): Audit {
  const stored = raw.state;
  if (stored === null) return faulted('the record of term and vote is missing or damaged');
  if (stored.generation < marker.generation) {
    const [have, want] = [stored.generation, marker.generation];
    return faulted(`the database ends at write ${have}, but write ${want} was acknowledged`);
  }
  if (stored.generation > marker.generation + 1) {
    const [have, want] = [stored.generation, marker.generation];
    return faulted(`the database is at write ${have}, the marker at ${want}: they do not belong together`);
  }
  const snapshot = soundSnapshot(stored, raw.snapshot);
  if (typeof snapshot === 'string') return faulted(snapshot);
  const { entries, hashes, broken: damaged } = readChain(stored.base, raw.entries);
  const broken = damaged ?? endsEarly(stored, entries.length);
  const acknowledgedOnly = stored.generation === marker.generation;
  if (broken === null) {
    const fault = tailFault(stored, entries, hashes);
    if (fault !== null) return faulted(fault);
    if (acknowledgedOnly && !samePlaces(stored, marker)) return faulted('the marker names another log');
    return { kind: 'sound', snapshot, entries, hashes, cutFrom: null };
  }
  // Damage. It is harmless only in what the unacknowledged write appended after the marker's end of the log.
  const at = marker.tail.index - stored.base.index;
  const markerHash = at === 0 ? stored.base.hash : hashes[at - 1];
  const beyondMarker = !acknowledgedOnly && broken.index > marker.tail.index;
  if (!beyondMarker || markerHash === undefined || !sameHash(markerHash, marker.tail.hash)) {
    return faulted(`entry ${broken.index} ${broken.why}`);
  }
  return { kind: 'sound', snapshot, entries, hashes, cutFrom: broken.index };
}

/** An entry that is not there at all is no better than a damaged one, at the end of the log too. */
function endsEarly({ base, tail }: StateRecord, count: number): { index: number; why: string } | null {
  const index = base.index + count + 1;
  return index <= tail.index ? { index, why: 'is missing' } : null;
}

const faulted = (why: string): Audit => ({ kind: 'faulted', why });

/** A sentence when it is not. Entries that it stands for may be gone in the same write: without it there is no log. */
function soundSnapshot(stored: StateRecord, bytes: Uint8Array | null): Snapshot | null | string {
  const { snapshotHash, base } = stored;
  if (snapshotHash === null) {
    if (bytes !== null) return 'there is a snapshot that the record of term and vote does not know';
    return base.index === 0 ? null : `the log begins after entry ${base.index}, but there is no snapshot`;
  }
  if (bytes === null) return 'the snapshot is missing';
  const decoded = decodeSnapshot(bytes);
  if (decoded === null) return 'the snapshot has a wrong checksum';
  if (!sameHash(decoded.hash, snapshotHash)) return 'the snapshot is another one than was written last';
  const { index } = decoded.snapshot;
  if (index < base.index) return `the snapshot ends at entry ${index}, but the log begins after ${base.index}`;
  return decoded.snapshot;
}

/** As far as it is whole and linked. */
export function readChain(base: Pick<ChainPoint, 'index' | 'hash'>, raw: readonly RawEntry[]): {
  entries: StoredEntry[];
  hashes: ChainHash[];
  broken: { index: number; why: string } | null;
} {
  const entries: StoredEntry[] = [];
  const hashes: ChainHash[] = [];
  let parent = base.hash;
  for (const { index, bytes } of raw) {
    const expected = base.index + entries.length + 1;
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
): string | null {
  const { base, tail, hardState } = stored;
  const lastIndex = base.index + entries.length;
  if (lastIndex !== tail.index) return `the log ends at entry ${lastIndex} instead of ${tail.index}`;
  const last = entries.at(-1);
  if (!sameHash(hashes.at(-1) ?? base.hash, tail.hash) || (last?.term ?? base.term) !== tail.term) {
    return `entry ${tail.index} is not the one that was written last`;
  }
  if (hardState.term < tail.term) return `the log holds term ${tail.term}, the stored term is ${hardState.term}`;
  if (hardState.commitIndex > tail.index) {
    return `entries up to ${hardState.commitIndex} were committed, the log ends at ${tail.index}`;
  }
  return null;
}

function samePlaces(left: StateRecord, right: StateRecord): boolean {
  const [mine, other] = [left.snapshotHash, right.snapshotHash];
  const sameSnapshot = mine === null || other === null ? mine === other : sameHash(mine, other);
  return samePoint(left.base, right.base) && samePoint(left.tail, right.tail) && sameSnapshot;
}

function samePoint(left: ChainPoint, right: ChainPoint): boolean {
  return left.index === right.index && sameHash(left.hash, right.hash);
}
