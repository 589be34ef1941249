/** What a node finds at start: its disk as records, whole or damaged. Nothing acknowledged may be lost in silence. */
import { assert } from '../../../src/base/index.js';
import type { Prng } from '../../../src/base/index.js';
import { auditLog } from '../../../src/raft/log-audit.js';
import type { RawStore } from '../../../src/raft/log-audit.js';
import { encodeEntry, encodeSnapshot, genesisHash } from '../../../src/raft/log-record.js';
import type { ChainHash, StateRecord } from '../../../src/raft/log-record.js';
import type { StoredEntry } from '../../../src/raft/core/index.js';
import type { Disk } from './cluster.js';

interface Records {
  readonly raw: RawStore;
  readonly marker: StateRecord;
}

/** The whole disk is acknowledged: the marker is at the generation of the database. */
function recordsOf({ hardState, snapshot, base, entries }: Disk, parents: (at: number) => number): Records {
  const genesis = genesisHash('chaos');
  const start = { ...base, hash: genesis };
  const hashes: ChainHash[] = [genesis];
  const raw = entries.map((entry, at) => {
    const parent = hashes[parents(at)] ?? genesis;
    const { bytes, hash } = encodeEntry(entry, parent);
    hashes.push(hash);
    return { index: entry.index, bytes };
  });
  const last = entries.at(-1) ?? base;
  const tail = { index: last.index, term: last.term, timeMs: last.timeMs, hash: hashes.at(-1) ?? genesis };
  const encoded = snapshot === null ? null : encodeSnapshot(snapshot);
  const state: StateRecord = { generation: 7, hardState, base: start, tail, snapshotHash: encoded?.hash ?? null };
  return { raw: { state, snapshot: encoded?.bytes ?? null, entries: raw }, marker: state };
}

const inOrder = (at: number): number => at;

/** Draws one damage, and asserts what is made of it. */
export function auditDisk(disk: Disk, random: Prng): void {
  const whole = recordsOf(disk, inOrder);
  const sound = auditLog(whole.marker, whole.raw);
  assert(sound.kind === 'sound' && sound.cutFrom === null, 'audit: a whole disk is refused');
  assert(textOf(sound.entries) === textOf(disk.entries), 'audit: a whole disk is read as another log');
  const at = random.int(0, Math.max(1, disk.entries.length));
  const damages: readonly (() => Records)[] = [
    () => flipped(whole, at, random),
    () => ({ ...whole, raw: { ...whole.raw, entries: whole.raw.entries.filter((_, one) => one !== at) } }),
    // Entries with good checksums that do not follow from one another: pages of two moments.
    () => recordsOf(disk, (one) => (one === at && one > 0 ? one - 1 : one)),
    () => ({ ...whole, marker: { ...whole.marker, generation: whole.marker.generation + 1 } }),
  ];
  const which = random.int(0, damages.length);
  const isNothing = which < 3 && (disk.entries.length === 0 || (which === 2 && at === 0));
  const damaged = isNothing ? null : damages[which]?.();
  if (damaged === null || damaged === undefined) return;
  const audit = auditLog(damaged.marker, damaged.raw);
  assert(audit.kind === 'faulted', `audit: damage ${which} to an acknowledged log is accepted`);
}

function flipped({ raw, marker }: Records, at: number, random: Prng): Records {
  const entries = raw.entries.map(({ index, bytes }, one) => {
    const copy = bytes.slice();
    if (one === at) copy[random.int(0, copy.length)]! ^= 1 << random.int(0, 8);
    return { index, bytes: copy };
  });
  return { raw: { ...raw, entries }, marker };
}

function textOf(entries: readonly StoredEntry[]): string {
  return JSON.stringify(entries);
}
