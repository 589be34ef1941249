/**
 * Commands as bytes of the Raft log. One frozen msgpackr configuration: what is written today must be read for ever.
 * Beside each stands the reducer version it needs: an older build must not guess at what it does not know.
 */
import { Packr } from 'msgpackr';
import { HactlError } from '../base/index.js';
import { commandVersion, reducerMax } from '../ha/index.js';
import type { Command } from '../ha/index.js';

const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false, bundleStrings: false });

export function encodeCommand(command: Command): Uint8Array {
  return packr.pack({ v: commandVersion(command), c: command });
}

/**
 * The entry was made by a manager of this cluster and came through checksums; its shape is that of its kind. Throws
 * HactlError `newer-version`, after which this process must end: an entry that is skipped here and not elsewhere would
 * let the managers disagree for ever.
 */
export function decodeCommand(bytes: Uint8Array): Command {
  const value: unknown = packr.unpack(bytes);
  if (typeof value !== 'object' || value === null || !('v' in value) || !('c' in value)) {
    throw new TypeError('not a command');
  }
  const { v: version, c: command } = value;
  if (typeof version !== 'number' || version > reducerMax) {
    throw newerVersion(`the log holds an entry of version ${String(version)}`);
  }
  return command as Command;
}

export function newerVersion(why: string): HactlError {
  return new HactlError({
    code: 'newer-version',
    what: 'this build of hactl is older than what the managers have agreed on',
    why: `${why}, and this build understands up to version ${reducerMax}`,
    next: 'start this manager with the build of the others; going back to an older one is not possible',
  });
}
