/**
 * What is in a store, and the judgement of it: one for all, whether a manager starts, a person looks, or a lost quorum
 * is recovered from. Changes nothing; a fault is an answer here, not an error, because people want to see what is left.
 */
import { errorMessage } from '../base/index.js';
import { readContent, markerPath, type Database } from './level-database.js';
import { auditLog, type Audit, type RawStore } from './log-audit.js';
import type { StateRecord } from './log-record.js';
import { MarkerFile } from './marker-file.js';

export interface StoreReading {
  /** To be closed by the caller. Null: it does not open. */
  readonly marker: MarkerFile | null;
  readonly marked: StateRecord | null;
  /** Of a faulted store: what could be read. */
  readonly raw: RawStore;
  readonly audit: Audit;
  /** What was thrown when something could not be read. */
  readonly cause: unknown;
}

export async function readStore(directory: string, database: Database): Promise<StoreReading> {
  const { raw, failure } = await readContent(database);
  const faulted = (why: string, cause: unknown = undefined): Pick<StoreReading, 'audit' | 'cause'> =>
    ({ audit: { kind: 'faulted', why }, cause });
  let marker: MarkerFile | null = null;
  let marked: StateRecord | null;
  try {
    marker = await MarkerFile.open(markerPath(directory));
    marked = await marker.read();
  } catch (thrown) {
    return { marker, marked: null, raw, ...faulted(`the marker does not open: ${errorMessage(thrown)}`, thrown) };
  }
  if (marked === null) return { marker, marked, raw, ...faulted('the marker is damaged') };
  if (failure !== null) {
    return { marker, marked, raw, ...faulted(`the database cannot be read: ${errorMessage(failure)}`, failure) };
  }
  return { marker, marked, raw, audit: auditLog(marked, raw), cause: undefined };
}
