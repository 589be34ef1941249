/**
 * A write that reached the disk in parts: the store's own audit (src/raft/log-audit.ts) judges what is left, as at a
 * real start. What was acknowledged before must be there whole; of the torn write only what does no harm may be.
 */
import type { Prng } from '../../src/base/index.js';
import { logIndex } from '../../src/base/index.js';
import { carryOutWrite } from '../../src/raft/index.js';
import type { LogBase, RestoredStore, StoreWrite } from '../../src/raft/index.js';
import { auditLog } from '../../src/raft/log-audit.js';
import type { RawEntry } from '../../src/raft/log-audit.js';
import { encodeEntry, encodeSnapshot, genesisHash } from '../../src/raft/log-record.js';
import type { ChainPoint, StateRecord } from '../../src/raft/log-record.js';

export type Torn =
  | { readonly kind: 'cut'; readonly stored: RestoredStore }
  /** It must not start: a person replaces it. */
  | { readonly kind: 'faulted'; readonly why: string };

interface Encoded {
  readonly raw: readonly RawEntry[];
  readonly record: StateRecord;
}

/** Only a write that adds entries, and moves neither the snapshot nor the beginning of the log, can be torn here. */
export function canTear({ snapshot, compactTo, entries }: StoreWrite): boolean {
  return snapshot === null && compactTo === null && entries.length > 0;
}

/** `stored`: what was there before `write`, all of it acknowledged. */
export function tear(stored: RestoredStore, write: StoreWrite, random: Prng): Torn {
  const whole = carryOutWrite(stored, write);
  const marker = encode(stored, 1);
  const { raw, record } = encode(whole, 2);
  const firstNew = whole.entries.length - write.entries.length;
  const damagedAt = random.int(firstNew, whole.entries.length);
  const left = raw.flatMap((entry, at) => {
    if (at < damagedAt) return [entry];
    if (at > damagedAt && random.next() < 0.5) return [entry];
    return random.next() < 0.5 ? [] : [{ ...entry, bytes: withFlippedBit(entry.bytes, random) }];
  });
  const snapshot = whole.snapshot === null ? null : encodeSnapshot(whole.snapshot).bytes;
  const audit = auditLog(marker.record, { state: record, snapshot, entries: left });
  if (audit.kind === 'faulted') return audit;
  const { entries } = audit;
  const lastIndex = whole.base.index + entries.length;
  const commitIndex = logIndex(Math.min(whole.hardState.commitIndex, lastIndex));
  return { kind: 'cut', stored: { ...whole, entries, hardState: { ...whole.hardState, commitIndex } } };
}

function encode({ hardState, snapshot, base, entries }: RestoredStore, generation: number): Encoded {
  const start: ChainPoint = { ...base, hash: genesisHash('sim') };
  const raw: RawEntry[] = [];
  let tail = start;
  for (const entry of entries) {
    const { bytes, hash } = encodeEntry(entry, tail.hash);
    raw.push({ index: entry.index, bytes });
    tail = { ...pointOf(entry), hash };
  }
  const snapshotHash = snapshot === null ? null : encodeSnapshot(snapshot).hash;
  return { raw, record: { generation, hardState, base: start, tail, snapshotHash } };
}

function pointOf({ index, term, timeMs }: LogBase): LogBase {
  return { index, term, timeMs };
}

function withFlippedBit(bytes: Uint8Array, random: Prng): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  const at = random.int(0, flipped.length);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.int(0, 8));
  return flipped;
}
