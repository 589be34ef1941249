/**
 * Logs as chains: equal numbers mean that two logs are equal up to there, entry by entry, so that logs are compared in
 * one step. The numbers are given out by content and never collide. Nothing here comes from the code under test.
 */
import type { LogBase, StoredEntry, WriteOutput } from '../../src/raft/core/index.js';

export type Chain = number;

const emptyChain: Chain = 0;

export class Chains {
  readonly #byContent = new Map<string, Chain>();
  readonly #terms: number[] = [0];
  /** By index and term: the one chain that may end so (log matching). */
  readonly #byPlace = new Map<string, Chain>();
  readonly #note: (sentence: string) => void;

  constructor(note: (sentence: string) => void) {
    this.#note = note;
  }

  /** The chain that `entry` ends, after `parent`. */
  extend(parent: Chain, entry: StoredEntry): Chain {
    const content = `${parent}|${textOf(entry)}`;
    let chain = this.#byContent.get(content);
    if (chain === undefined) {
      chain = this.#terms.length;
      this.#terms.push(entry.term);
      this.#byContent.set(content, chain);
    }
    const place = `${entry.index}@${entry.term}`;
    const known = this.#byPlace.get(place);
    if (known === undefined) this.#byPlace.set(place, chain);
    else if (known !== chain) {
      this.#note(`log matching: two logs have an entry ${place}, and differ there or before`);
    }
    return chain;
  }

  /** Of what stands at a base; made up when nobody has ever shown the entries before it. */
  at({ index, term }: LogBase): Chain {
    if (index === 0) return emptyChain;
    const place = `${index}@${term}`;
    let chain = this.#byPlace.get(place);
    if (chain === undefined) {
      chain = this.#terms.length;
      this.#terms.push(term);
      this.#byPlace.set(place, chain);
    }
    return chain;
  }

  /** Of the last entry. */
  termOf(chain: Chain): number {
    return this.#terms[chain] ?? 0;
  }
}

export interface LogContent {
  readonly base: LogBase;
  readonly entries: readonly StoredEntry[];
}

/** One log, in memory or on a disk. */
export class ChainedLog {
  readonly #chains: Chains;
  #base: LogBase;
  #baseChain: Chain;
  #entries: StoredEntry[] = [];
  #chain: Chain[] = [];

  constructor(chains: Chains, { base, entries }: LogContent) {
    this.#chains = chains;
    this.#base = base;
    this.#baseChain = chains.at(base);
    for (const entry of entries) this.#append(entry);
  }

  get baseIndex(): number {
    return this.#base.index;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  get entries(): readonly StoredEntry[] {
    return this.#entries;
  }

  entryAt(index: number): StoredEntry | null {
    return this.#entries[index - this.#base.index - 1] ?? null;
  }

  /** Null before the base and beyond the end. */
  chainAt(index: number): Chain | null {
    if (index === this.#base.index) return this.#baseChain;
    return this.#chain[index - this.#base.index - 1] ?? null;
  }

  /** What is before the base is committed, and so is everywhere the same. */
  holds(index: number, chain: Chain): boolean {
    return index < this.#base.index || this.chainAt(index) === chain;
  }

  wrote({ snapshot, replacesLog, compactTo, truncateFrom, entries }: WriteOutput): void {
    if (snapshot !== null && replacesLog) this.#reset(snapshot);
    const compacted = compactTo === null ? null : this.entryAt(compactTo);
    if (compacted !== null) this.#compactTo(compacted);
    if (truncateFrom !== null) this.#cutFrom(truncateFrom);
    for (const entry of entries) this.#append(entry);
  }

  /** Becomes another content, of which most is usually the same objects as before. */
  become({ base, entries }: LogContent): void {
    if (base.index !== this.#base.index || base.term !== this.#base.term) {
      const kept = this.entryAt(base.index);
      if (kept !== null && kept.term === base.term) this.#compactTo(kept);
      else this.#reset(base);
    }
    let same = 0;
    while (same < entries.length && this.#entries[same] === entries[same]) same += 1;
    this.#cutFrom(this.#base.index + same + 1);
    for (const entry of entries.slice(same)) this.#append(entry);
  }

  #append(entry: StoredEntry): void {
    this.#chain.push(this.#chains.extend(this.#chain.at(-1) ?? this.#baseChain, entry));
    this.#entries.push(entry);
  }

  #reset({ index, term, timeMs }: LogBase): void {
    this.#base = { index, term, timeMs };
    this.#baseChain = this.#chains.at(this.#base);
    this.#entries = [];
    this.#chain = [];
  }

  #compactTo({ index, term, timeMs }: StoredEntry): void {
    const count = index - this.#base.index;
    this.#baseChain = this.#chain[count - 1] ?? this.#baseChain;
    this.#base = { index, term, timeMs };
    this.#entries.splice(0, count);
    this.#chain.splice(0, count);
  }

  #cutFrom(index: number): void {
    const count = Math.max(0, index - this.#base.index - 1);
    this.#entries.length = Math.min(this.#entries.length, count);
    this.#chain.length = this.#entries.length;
  }
}

export function textOf({ index, term, timeMs, payload }: StoredEntry): string {
  const place = `${index}@${term} ${timeMs}`;
  if (payload.kind !== 'command') return `${place} ${JSON.stringify(payload)}`;
  return `${place} ${payload.session.id}/${payload.session.serial} ${payload.command.join(',')}`;
}

/** A sentence when entries do not follow one another. */
export function orderFault(entries: readonly StoredEntry[], before: LogBase): string | null {
  let { index, term, timeMs } = before as { index: number; term: number; timeMs: number };
  for (const entry of entries) {
    if (entry.index !== index + 1) return `entry ${entry.index} stands after ${index}`;
    if (entry.term < term) return `entry ${entry.index} has term ${entry.term}, after ${term}`;
    if (entry.timeMs < timeMs) return `cluster time goes back at entry ${entry.index}: ${timeMs} to ${entry.timeMs}`;
    ({ index, term, timeMs } = entry);
  }
  return null;
}
