/**
 * Who may speak to this manager, by what it knows of the others: the membership in force, and how far each store had
 * come when it was last heard. A store that was set back (a restored backup, a cloned disk) has forgotten votes and
 * acknowledgements that it gave; it is refused by every manager that remembers it further on. Kept in memory only:
 * when all managers start anew at once from old copies, nobody is left who could know.
 */
import type { ManagerId } from '../base/index.js';
import { memberOf } from '../raft/index.js';
import type { RaftStatus } from '../raft/index.js';
import type { Claim, PeerRefusal } from '../rpc/index.js';

type StoreClaim = Pick<Claim, 'from' | 'storeId' | 'storeGeneration'>;

/** A manager that is told one of these has no place here: it ends, and a person must look. */
export const finalRefusals: readonly string[] = ['removed', 'other-store', 'older-store'];

const replaceIt = 'replace this manager by a new one (another id, an empty data_dir): '
  + '`hactl managers add NEW --rpc .. --http .. --replaces THIS`';

/** What a person does about it. */
const remedies: Readonly<Record<string, string>> = {
  'removed': 'take it out of its supervisor; to come back it needs another id and an empty data_dir',
  'other-store': `start the one with the data directory that it joined with, or ${replaceIt}`,
  'older-store': `a copy or a backup has forgotten what was promised since: ${replaceIt}`,
};

/** Null: it may be taken later, and dials on. */
export function whyExpelled(peer: ManagerId, reason: string, detail: string): string | null {
  if (!finalRefusals.includes(reason)) return null;
  return `${peer} refuses this manager (${reason}): ${detail}. Next: ${remedies[reason] ?? replaceIt}`;
}

interface Remembered {
  readonly storeId: string | null;
  generation: number;
}

export type KnownMembers = Pick<RaftStatus, 'membership' | 'committedMembership'>;

export class PeerMemory {
  readonly #members: () => KnownMembers;
  readonly #remembered = new Map<ManagerId, Remembered>();

  constructor(members: () => KnownMembers) {
    this.#members = members;
  }

  /** Null: it may speak. */
  judge({ from, storeId, storeGeneration }: StoreClaim): PeerRefusal | null {
    const { membership, committedMembership } = this.#members();
    // A removal that is not committed may be taken back: nobody is turned away for it.
    if (committedMembership.removed.includes(from)) {
      return { reason: 'removed', detail: `${from} was removed from the managers; an id is used once` };
    }
    // Which store speaks for an id is believed as soon as it stands in the log, so that a manager which has just
    // started, and knows little of what is committed, is not deceived. But until it is committed it may be taken back,
    // and the id be given to the other store: that one is kept out, and not sent away for good.
    const committed = memberOf(committedMembership, from)?.storeId ?? null;
    const known = committed ?? memberOf(membership, from)?.storeId ?? null;
    if (known !== null && storeId !== known) {
      if (committed === null) {
        const detail = `${from} joined with another data directory, by an entry of the log that is not committed yet`;
        return { reason: 'other-store-unsure', detail };
      }
      const detail = `${from} joined with another data directory: it was made anew, or is a copy of another manager`;
      return { reason: 'other-store', detail };
    }
    const remembered = this.#remembered.get(from);
    if (remembered !== undefined && remembered.storeId === storeId && (storeGeneration ?? 0) < remembered.generation) {
      const [now, before] = [storeGeneration ?? 0, remembered.generation];
      const detail = `the data directory of ${from} was set back: it is at write ${now}, and was at ${before} before`;
      return { reason: 'older-store', detail };
    }
    return null;
  }

  /** A connection was accepted. */
  accepted({ from, storeId, storeGeneration }: StoreClaim): void {
    if (this.#remembered.get(from)?.storeId !== storeId) this.#remembered.set(from, { storeId, generation: 0 });
    this.heard(from, storeGeneration ?? 0);
  }

  /** A message brought the generation of its sender's store. */
  heard(from: ManagerId, generation: number): void {
    const remembered = this.#remembered.get(from);
    if (remembered !== undefined && generation > remembered.generation) remembered.generation = generation;
  }
}
