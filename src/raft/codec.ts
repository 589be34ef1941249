/**
 * The one msgpackr configuration of everything that Raft keeps on disk. It is frozen: records, extra types, structured
 * clones and bundled strings are off, because each makes bytes whose meaning depends on state kept elsewhere, and a log
 * must be readable by itself, by every later version. Decoded buffers are copies.
 */
import { Packr } from 'msgpackr';

const packr = new Packr({
  useRecords: false,
  moreTypes: false,
  structuredClone: false,
  bundleStrings: false,
  copyBuffers: true,
  mapsAsObjects: true,
  encodeUndefinedAsNil: true,
  int64AsType: 'number',
});

export function encodeRecord(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Throws on bytes that are not exactly one value: callers check a checksum first. */
export function decodeRecord(bytes: Uint8Array): unknown {
  return packr.unpack(bytes) as unknown;
}
