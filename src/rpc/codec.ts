/**
 * The one msgpackr configuration of the transport. It is frozen: records, extra types, structured clones and bundled
 * strings are all off, because each makes bytes that depend on state or that other decoders read differently. Decoded
 * buffers are copies, so that a kept entry does not pin the whole frame it came in. Input is untrusted; `decode` gives
 * null for anything that is not exactly one value.
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

export function encode(value: unknown): Uint8Array {
  return packr.pack(value);
}

export type Decoded = { readonly value: unknown } | null;

/** Null also for nesting deeper than the stack (a RangeError): nobody sends that but to do harm. */
export function decode(bytes: Uint8Array): Decoded {
  try {
    return { value: packr.unpack(bytes) as unknown };
  } catch {
    return null;
  }
}
