/**
 * The memberships that the log has held: the one in force is the newest, committed or not; truncation takes it back.
 * Older ones are kept for as long as a snapshot could still be taken at an index where they were in force.
 */
import type { LogIndex } from '../../base/index.js';
import { logIndex } from '../../base/index.js';
import type { StoredEntry } from './entry.js';
import type { Membership } from './membership.js';

interface Since {
  readonly index: LogIndex;
  readonly membership: Membership;
}

export class MembershipHistory {
  /** Oldest first; never empty. */
  #history: Since[];

  /** `membership` as of `index`; `entries` may begin before that. */
  constructor(membership: Membership, index: LogIndex, entries: readonly StoredEntry[]) {
    this.#history = [{ index, membership }];
    for (const entry of entries) if (entry.index > index) this.appended(entry);
  }

  get current(): Membership {
    return this.#newest.membership;
  }

  /** Of the entry that brought the one in force; what a snapshot or the bootstrap brought: the index of that. */
  get currentIndex(): LogIndex {
    return this.#newest.index;
  }

  /**
   * The newest that is known to be committed. The one before the newest always is: nobody appends a change before the
   * one before it is committed. So a node that has just started, and does not know yet how far the others have
   * committed, is behind by one change at most.
   */
  committed(commitIndex: LogIndex): Membership {
    const newest = this.#newest;
    if (newest.index <= commitIndex) return newest.membership;
    return (this.#history.at(-2) ?? newest).membership;
  }

  at(index: LogIndex): Membership {
    return (this.#history.findLast((since) => since.index <= index) ?? (this.#history[0] as Since)).membership;
  }

  /** True when the entry is a membership. */
  appended({ index, payload }: StoredEntry): boolean {
    if (payload.kind !== 'membership') return false;
    this.#history.push({ index, membership: payload.membership });
    return true;
  }

  /** True when the one in force went with it. */
  truncatedFrom(index: LogIndex): boolean {
    const before = this.#history.length;
    this.#history = this.#history.filter((since, at) => at === 0 || since.index < index);
    return this.#history.length < before;
  }

  /** Nothing before `index` will be asked for any more. */
  forgetBefore(index: LogIndex): void {
    const floor = this.#history.findLastIndex((since) => since.index <= index);
    if (floor > 0) this.#history.splice(0, floor);
  }

  replaceBy(membership: Membership, index: LogIndex): void {
    this.#history = [{ index: logIndex(index), membership }];
  }

  get #newest(): Since {
    return this.#history.at(-1) as Since;
  }
}
