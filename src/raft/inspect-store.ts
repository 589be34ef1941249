/**
 * What is in the data directory of a stopped manager, and what a start would say of it: the same reading and the same
 * audit, on a copy. Nothing of the original changes. A faulted store is told of as far as it can be read.
 */
import { HactlError, logIndex } from '../base/index.js';
import type { LogIndex } from '../base/index.js';
import { restoredFault } from './core/index.js';
import type { HardState, LogBase, Snapshot, StoredEntry } from './core/index.js';
import { openDatabase } from './level-database.js';
import { readChain, type RawStore } from './log-audit.js';
import { decodeEntry, decodeSnapshot } from './log-record.js';
import { withPassingCopy } from './store-copy.js';
import { readStoreMeta, refuseForeign, requireParts } from './store-directory.js';
import type { ExpectedOwner, StoreMeta } from './store-directory.js';
import { recoveryUnfinished } from './store-errors.js';
import { withStoreLock } from './store-lock.js';
import { readStore, type StoreReading } from './store-reading.js';

export type StoreVerdict =
  | { readonly kind: 'sound' }
  /** The last write was never acknowledged and did not survive whole: a start cuts the log from here on. */
  | { readonly kind: 'cut'; readonly from: LogIndex; readonly count: number }
  /** A recovery was begun and not finished: a start refuses it, whatever the log is like. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'faulted'; readonly why: string };

export interface StoreInspection {
  /** Null: it cannot be read. */
  readonly meta: StoreMeta | null;
  readonly verdict: StoreVerdict;
  /** Of the database and of the marker; null: it cannot be read. */
  readonly generation: number | null;
  readonly marked: { readonly generation: number; readonly lastIndex: LogIndex } | null;
  readonly hardState: HardState | null;
  readonly base: LogBase | null;
  readonly snapshot: Snapshot | null;
  readonly snapshotBytes: number;
  /** Whole, and each linked to the one before; of a faulted store those before the first damage. */
  readonly entries: readonly StoredEntry[];
  readonly entryBytes: number;
  /** Where `entries` end before the log does. */
  readonly broken: { readonly index: number; readonly why: string } | null;
}

/** `expected`: who a start would take it for; null: whoever it says. Throws `refused`, `store-missing`. */
export async function inspectStore(directory: string, expected: ExpectedOwner | null): Promise<StoreInspection> {
  const inspection = await withStoreLock(directory, () => inspectLocked(directory, expected));
  const { meta, verdict } = inspection;
  if (verdict.kind === 'faulted' || meta === null || meta.recovering === null) return inspection;
  return { ...inspection, verdict: { kind: 'refused', why: recoveryUnfinished(directory, meta.recovering).what } };
}

/** For whoever holds the store's lock, and goes on with recoveries. */
export async function inspectLocked(directory: string, expected: ExpectedOwner | null): Promise<StoreInspection> {
  const faults: string[] = [];
  const meta = await unlessFaulted(readStoreMeta(directory), faults);
  if (meta !== null && expected !== null) refuseForeign(directory, meta, expected);
  await unlessFaulted(requireParts(directory), faults);
  const reading = await withPassingCopy(directory, (copy) => unlessFaulted(readCopy(copy), faults));
  return { meta, ...judged(reading ?? nothingRead, faults) };
}

const nothingRead: Omit<StoreReading, 'marker' | 'cause'> = {
  marked: null,
  raw: { state: null, snapshot: null, entries: [] },
  audit: { kind: 'faulted', why: 'nothing of it can be read' },
};

async function unlessFaulted<Value>(work: Promise<Value>, faults: string[]): Promise<Value | null> {
  try {
    return await work;
  } catch (thrown) {
    if (!(thrown instanceof HactlError) || thrown.code !== 'store-faulted') throw thrown;
    faults.push(thrown.why ?? thrown.what);
    return null;
  }
}

async function readCopy(copy: string): Promise<StoreReading> {
  const database = await openDatabase(copy);
  try {
    const reading = await readStore(copy, database);
    await reading.marker?.close();
    return reading;
  } finally {
    await database.close();
  }
}

type Judged = Omit<StoreInspection, 'meta'>;

function judged({ marked, raw, audit }: Omit<StoreReading, 'marker' | 'cause'>, faults: readonly string[]): Judged {
  const { state } = raw;
  const chain = chainOf(raw);
  const kept = audit.kind === 'sound' ? audit.entries : chain.entries;
  const cutFrom = audit.kind === 'sound' ? audit.cutFrom : null;
  const snapshot = audit.kind === 'sound' ? audit.snapshot : decodedSnapshot(raw.snapshot);
  const hardState = state === null ? null : cutHardState(state.hardState, cutFrom);
  const base = state === null ? null : { index: state.base.index, term: state.base.term, timeMs: state.base.timeMs };
  const all = [...faults];
  if (audit.kind === 'faulted') all.push(audit.why);
  else if (hardState !== null && base !== null) {
    const fault = restoredFault({ hardState, base, snapshot, entries: kept });
    if (fault !== null) all.push(fault);
  }
  const [why] = all;
  let verdict: StoreVerdict = { kind: 'sound' };
  if (why !== undefined) verdict = { kind: 'faulted', why };
  else if (cutFrom !== null) {
    verdict = { kind: 'cut', from: logIndex(cutFrom), count: (state?.tail.index ?? cutFrom) - cutFrom + 1 };
  }
  return {
    verdict,
    generation: state?.generation ?? null,
    marked: marked === null ? null : { generation: marked.generation, lastIndex: marked.tail.index },
    hardState,
    base,
    snapshot,
    snapshotBytes: raw.snapshot?.length ?? 0,
    entries: kept,
    entryBytes: raw.entries.slice(0, kept.length).reduce((sum, { bytes }) => sum + bytes.length, 0),
    broken: chain.broken,
  };
}

function cutHardState(hardState: HardState, cutFrom: number | null): HardState {
  if (cutFrom === null || hardState.commitIndex < cutFrom) return hardState;
  return { ...hardState, commitIndex: logIndex(cutFrom - 1) };
}

/** Without the record that says where the log begins, its first readable entry does. */
function chainOf({ state, entries }: RawStore): Pick<ReturnType<typeof readChain>, 'entries' | 'broken'> {
  if (state !== null) return readChain(state.base, entries);
  const [first] = entries;
  if (first === undefined) return { entries: [], broken: null };
  const decoded = decodeEntry(first.bytes);
  const index = logIndex(first.index - 1);
  if (decoded === null) return { entries: [], broken: { index: first.index, why: 'has a wrong checksum' } };
  return readChain({ index, hash: decoded.parent }, entries);
}

function decodedSnapshot(bytes: Uint8Array | null): Snapshot | null {
  return bytes === null ? null : (decodeSnapshot(bytes)?.snapshot ?? null);
}
