/**
 * Commands as bytes of the Raft log. One frozen msgpackr configuration: what is written today must be read for ever.
 */
import { Packr } from 'msgpackr';
import type { Command } from '../ha/index.js';

const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false, bundleStrings: false });

export function encodeCommand(command: Command): Uint8Array {
  return packr.pack(command);
}

/** The entry was made by a manager of this cluster and came through checksums; its shape is that of its kind. */
export function decodeCommand(bytes: Uint8Array): Command {
  const value: unknown = packr.unpack(bytes);
  if (typeof value !== 'object' || value === null || !('kind' in value)) throw new TypeError('not a command');
  return value as Command;
}
