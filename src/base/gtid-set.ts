/**
 * Sets of MySQL global transaction identifiers: reading the server's notation, set algebra, writing it again in the
 * server's own canonical form. Immutable. Numbers are bigints, because MySQL counts to 2^63 - 2. A set is a map from
 * source (UUID, or UUID and tag) to intervals that are sorted, disjoint and never adjacent; every operation relies on
 * that, keeps it, and runs in one pass over both sets. MariaDB's GTIDs are something else and are refused.
 */

/** First and last number, both inside. */
type Interval = readonly [first: bigint, last: bigint];
type Intervals = readonly Interval[];

/** `uuid` or `uuid:tag`, lower case: sorting these strings gives the order in which MySQL prints. */
type Source = string;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** MySQL 8.3+: a letter or "_", then letters, digits or "_", at most 32 characters. */
const tagPattern = /^[a-z_][a-z0-9_]{0,31}$/;
const intervalPattern = /^(\d{1,19})(?:\s*-\s*(\d{1,19}))?$/;
const numberMax = 2n ** 63n - 2n;

export class GtidSyntaxError extends Error {
  constructor(text: string, why: string) {
    super(`not a GTID set: ${JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)}: ${why}`);
    this.name = 'GtidSyntaxError';
  }
}

export class GtidSet {
  static readonly empty: GtidSet = new this(new Map());

  readonly #intervals: ReadonlyMap<Source, Intervals>;

  private constructor(intervals: ReadonlyMap<Source, Intervals>) {
    this.#intervals = intervals;
  }

  /** Throws GtidSyntaxError. */
  static parse(text: string): GtidSet {
    const found = new Map<Source, Interval[]>();
    for (const part of text.split(',')) {
      if (part.trim() !== '') readUuidSet(text, part, found);
    }
    const intervals = new Map<Source, Intervals>();
    for (const source of [...found.keys()].sort()) intervals.set(source, normalized(found.get(source) ?? []));
    return new GtidSet(intervals);
  }

  /** null where `parse` would throw: for text that comes from a server. */
  static tryParse(text: string): GtidSet | null {
    try {
      return GtidSet.parse(text);
    } catch (thrown) {
      if (thrown instanceof GtidSyntaxError) return null;
      throw thrown;
    }
  }

  static unionOf(sets: Iterable<GtidSet>): GtidSet {
    let all = GtidSet.empty;
    for (const set of sets) all = all.union(set);
    return all;
  }

  union(other: GtidSet): GtidSet {
    if (other.isEmpty() || other === this) return this;
    if (this.isEmpty()) return other;
    const sources = [...new Set([...this.#intervals.keys(), ...other.#intervals.keys()])].sort();
    return GtidSet.from(sources, (source) => unionOfIntervals(this.#of(source), other.#of(source)));
  }

  /** What is in this set and not in the other. */
  subtract(other: GtidSet): GtidSet {
    return GtidSet.from(this.#intervals.keys(), (source) => difference(this.#of(source), other.#of(source)));
  }

  intersect(other: GtidSet): GtidSet {
    return GtidSet.from(this.#intervals.keys(), (source) => intersection(this.#of(source), other.#of(source)));
  }

  isSubsetOf(other: GtidSet): boolean {
    for (const [source, intervals] of this.#intervals) {
      if (!covers(other.#of(source), intervals)) return false;
    }
    return true;
  }

  isEqual(other: GtidSet): boolean {
    return this.#intervals.size === other.#intervals.size && this.isSubsetOf(other) && other.isSubsetOf(this);
  }

  isEmpty(): boolean {
    return this.#intervals.size === 0;
  }

  /** How many transactions. */
  count(): bigint {
    let total = 0n;
    for (const intervals of this.#intervals.values()) {
      for (const [first, last] of intervals) total += last - first + 1n;
    }
    return total;
  }

  /** The transactions of one server, whatever their tags. */
  restrictTo(uuid: string): GtidSet {
    return this.#filtered((source) => uuidOf(source) === uuid.toLowerCase());
  }

  /** Everything but the transactions of one server, whatever their tags. */
  without(uuid: string): GtidSet {
    return this.#filtered((source) => uuidOf(source) !== uuid.toLowerCase());
  }

  /** The UUIDs that have transactions in this set, sorted. */
  uuids(): readonly string[] {
    return [...new Set([...this.#intervals.keys()].map(uuidOf))];
  }

  /** As MySQL prints it, without white space: `uuid:1-5:7:tag:1-3,uuid:...`. */
  toString(): string {
    const parts: string[] = [];
    let uuid = '';
    for (const [source, intervals] of this.#intervals) {
      const text = intervals.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(':');
      if (uuidOf(source) === uuid) parts.push(`:${source.slice(uuid.length + 1)}:${text}`);
      else parts.push(`${parts.length === 0 ? '' : ','}${source}:${text}`);
      uuid = uuidOf(source);
    }
    return parts.join('');
  }

  toJSON(): string {
    return this.toString();
  }

  #of(source: Source): Intervals {
    return this.#intervals.get(source) ?? [];
  }

  #filtered(isWanted: (source: Source) => boolean): GtidSet {
    return GtidSet.from(this.#intervals.keys(), (source) => (isWanted(source) ? this.#of(source) : []));
  }

  /** `sources` must come sorted. */
  private static from(sources: Iterable<Source>, intervalsOf: (source: Source) => Intervals): GtidSet {
    const result = new Map<Source, Intervals>();
    for (const source of sources) {
      const intervals = intervalsOf(source);
      if (intervals.length > 0) result.set(source, intervals);
    }
    return new GtidSet(result);
  }
}

/** Short for GtidSet.parse. Throws GtidSyntaxError. */
export function gtidSet(text: string): GtidSet {
  return GtidSet.parse(text);
}

function uuidOf(source: Source): string {
  return source.slice(0, 36);
}

/**
 * One `uuid:1-5:7:tag:1-3`. Intervals before any tag are untagged, those after a tag belong to it (bug 116789 of MySQL
 * shows the printed form; the manual's own example prints the UUID once more).
 */
function readUuidSet(whole: string, part: string, into: Map<Source, Interval[]>): void {
  const pieces = part.split(':').map((piece) => piece.trim());
  const uuid = (pieces[0] ?? '').toLowerCase();
  if (!uuidPattern.test(uuid)) throw new GtidSyntaxError(whole, `${JSON.stringify(pieces[0])} is not a UUID`);
  let source = uuid;
  let hasIntervals = false;
  for (const [index, piece] of pieces.slice(1).entries()) {
    const tag = piece.toLowerCase();
    if (tagPattern.test(tag)) {
      if (index > 0 && !hasIntervals) throw new GtidSyntaxError(whole, `no numbers before the tag ${tag}`);
      source = `${uuid}:${tag}`;
      hasIntervals = false;
      continue;
    }
    const interval = readInterval(whole, piece);
    const known = into.get(source);
    if (known === undefined) into.set(source, [interval]);
    else known.push(interval);
    hasIntervals = true;
  }
  if (!hasIntervals) throw new GtidSyntaxError(whole, `no numbers after ${source}`);
}

function readInterval(whole: string, piece: string): Interval {
  const match = intervalPattern.exec(piece);
  if (match === null) throw new GtidSyntaxError(whole, `${JSON.stringify(piece)} is not a number, interval or tag`);
  const first = BigInt(match[1] ?? '0');
  const last = match[2] === undefined ? first : BigInt(match[2]);
  if (first < 1n || last < first || last > numberMax) {
    throw new GtidSyntaxError(whole, `${piece} is not within 1 to 2^63 - 2, lower end first`);
  }
  return [first, last];
}

/** Sorted, overlapping and adjacent ones joined. */
function normalized(intervals: readonly Interval[]): Intervals {
  const sorted = [...intervals].sort((left, right) => (left[0] < right[0] ? -1 : left[0] > right[0] ? 1 : 0));
  const result: Interval[] = [];
  for (const interval of sorted) appendJoined(result, interval);
  return result;
}

/** Appends an interval that begins no earlier than the last one does. */
function appendJoined(result: Interval[], interval: Interval): void {
  const last = result.at(-1);
  if (last === undefined || interval[0] > last[1] + 1n) result.push(interval);
  else if (interval[1] > last[1]) result[result.length - 1] = [last[0], interval[1]];
}

function unionOfIntervals(left: Intervals, right: Intervals): Intervals {
  if (left.length === 0) return right;
  if (right.length === 0) return left;
  const result: Interval[] = [];
  let l = 0;
  let r = 0;
  for (;;) {
    const a = left[l];
    const b = right[r];
    if (a !== undefined && (b === undefined || a[0] <= b[0])) {
      appendJoined(result, a);
      l += 1;
    } else if (b !== undefined) {
      appendJoined(result, b);
      r += 1;
    } else {
      return result;
    }
  }
}

function difference(left: Intervals, right: Intervals): Intervals {
  if (right.length === 0) return left;
  const result: Interval[] = [];
  let r = 0;
  for (const [first, last] of left) {
    let from = first;
    while ((right[r]?.[1] ?? last) < from) r += 1;
    // `right[r]` may reach into the next interval of `left` too: the index only passes what ends before `from`.
    for (let at = r; from <= last; at += 1) {
      const cut = right[at];
      if (cut === undefined || cut[0] > last) {
        result.push([from, last]);
        break;
      }
      if (cut[0] > from) result.push([from, cut[0] - 1n]);
      from = cut[1] + 1n;
      r = at;
    }
  }
  return result;
}

function intersection(left: Intervals, right: Intervals): Intervals {
  const result: Interval[] = [];
  let l = 0;
  let r = 0;
  for (;;) {
    const a = left[l];
    const b = right[r];
    if (a === undefined || b === undefined) return result;
    const first = a[0] > b[0] ? a[0] : b[0];
    const last = a[1] < b[1] ? a[1] : b[1];
    if (first <= last) result.push([first, last]);
    if (a[1] < b[1]) l += 1;
    else r += 1;
  }
}

/** Since no two intervals of a set are adjacent, each inner one must lie within a single outer one. */
function covers(outer: Intervals, inner: Intervals): boolean {
  let o = 0;
  for (const [first, last] of inner) {
    while ((outer[o]?.[1] ?? last) < first) o += 1;
    const over = outer[o];
    if (over === undefined || over[0] > first || over[1] < last) return false;
  }
  return true;
}
