import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GtidSet, GtidSyntaxError } from './gtid-set.js';

const a = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const b = '4f22fa47-71ca-11e1-9e33-c80aa9429562';
const parse = (text: string): GtidSet => GtidSet.parse(text);
const canonical = (text: string): string => parse(text).toString();

describe('reading and writing GTID sets', () => {
  it('reads the empty set', () => {
    expect(parse('').isEmpty()).toBe(true);
    expect(parse(' \n,, ').isEmpty()).toBe(true);
    expect(canonical('')).toBe('');
  });

  it('writes as MySQL prints: lower case, sorted, no white space', () => {
    expect(canonical(`${b.toUpperCase()}:7,\n ${a} : 3 - 5 : 1`)).toBe(`${a}:1:3-5,${b}:7`);
  });

  it('joins overlapping and adjacent intervals and repeated UUIDs', () => {
    expect(canonical(`${a}:4-6:1-3:5-9:11,${a}:10`)).toBe(`${a}:1-11`);
  });

  it('gives intervals after a tag to that tag', () => {
    const text = `${a}:1-4:aaaa:1:abc:1-3:9`;
    expect(canonical(text)).toBe(text);
    expect(canonical(`${a}:Domain_2:8-52,${a}:1-2,${a}:domain_1:1-3:15-21`)).toBe(
      `${a}:1-2:domain_1:1-3:15-21:domain_2:8-52`,
    );
    expect(parse(`${a}:abc:1-3`).intersect(parse(`${a}:1-3`)).isEmpty()).toBe(true);
  });

  it('counts beyond 2^53 exactly', () => {
    const text = `${a}:9007199254740993-9223372036854775806`;
    expect(canonical(text)).toBe(text);
    expect(parse(text).count()).toBe(9223372036854775806n - 9007199254740993n + 1n);
  });

  it.each([
    'x',
    '0-1-100',
    `${a}`,
    `${a}:`,
    `${a}:0`,
    `${a}:5-3`,
    `${a}:1-2-3`,
    `${a}:1 2`,
    `${a}:9223372036854775807`,
    `${a}:tag`,
    `${a}:tag:other:1`,
    `${a}:1:tag`,
    `${a}:1x`,
    `${a}:${'t'.repeat(33)}:1`,
  ])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(GtidSyntaxError);
    expect(GtidSet.tryParse(text)).toBeNull();
  });
});

describe('set algebra', () => {
  it('subtracts across interval borders', () => {
    expect(String(parse(`${a}:1-10:20-30,${b}:1`).subtract(parse(`${a}:3-4:8-22:30`)))).toBe(
      `${a}:1-2:5-7:23-29,${b}:1`,
    );
  });

  it('intersects', () => {
    expect(String(parse(`${a}:1-10:20-30,${b}:1`).intersect(parse(`${a}:5-25`)))).toBe(`${a}:5-10:20-25`);
  });

  it('restricts to a server and leaves one out, tags included', () => {
    const set = parse(`${a}:1-3:tag:4,${b}:9`);
    expect(String(set.restrictTo(a.toUpperCase()))).toBe(`${a}:1-3:tag:4`);
    expect(String(set.without(a))).toBe(`${b}:9`);
    expect(set.uuids()).toEqual([a, b]);
  });

  it('unites many sets', () => {
    expect(String(GtidSet.unionOf([parse(`${a}:1`), parse(`${b}:1`), parse(`${a}:2`)]))).toBe(`${a}:1-2,${b}:1`);
  });
});

/** A model that cannot be wrong: a plain set of "source:number". */
const sources = [a, b, `${a}:tag`] as const;
const members = fc.uniqueArray(fc.tuple(fc.constantFrom(...sources), fc.integer({ min: 1, max: 24 })), {
  maxLength: 40,
  selector: ([source, number]) => `${source}:${number}`,
});
type Members = readonly (readonly [string, number])[];

const textOf = (list: Members): string => list.map(([source, number]) => `${source}:${number}`).join(',');
const keysOf = (list: Members): Set<string> => new Set(list.map(([source, number]) => `${source}:${number}`));
function keysIn(set: GtidSet): Set<string> {
  const keys = new Set<string>();
  for (const source of sources) {
    for (let number = 1; number <= 24; number += 1) {
      if (parse(`${source}:${number}`).isSubsetOf(set)) keys.add(`${source}:${number}`);
    }
  }
  return keys;
}

describe('laws', () => {
  it('agrees with a plain set in union, difference, intersection, subset and count', () => {
    fc.assert(
      fc.property(members, members, (left, right) => {
        const [l, r] = [parse(textOf(left)), parse(textOf(right))];
        const [ls, rs] = [keysOf(left), keysOf(right)];
        expect(keysIn(l.union(r))).toEqual(new Set([...ls, ...rs]));
        expect(keysIn(l.subtract(r))).toEqual(new Set([...ls].filter((key) => !rs.has(key))));
        expect(keysIn(l.intersect(r))).toEqual(new Set([...ls].filter((key) => rs.has(key))));
        expect(l.isSubsetOf(r)).toBe([...ls].every((key) => rs.has(key)));
        expect(l.isEqual(r)).toBe(ls.size === rs.size && [...ls].every((key) => rs.has(key)));
        expect(l.count()).toBe(BigInt(ls.size));
      }),
      { numRuns: 60 },
    );
  });

  it('comes back from its own text, in canonical form, after any operation', () => {
    fc.assert(
      fc.property(members, members, (left, right) => {
        const [l, r] = [parse(textOf(left)), parse(textOf(right))];
        for (const set of [l, l.union(r), l.subtract(r), l.intersect(r), l.without(a), l.restrictTo(a)]) {
          expect(String(parse(String(set)))).toBe(String(set));
          expect(parse(String(set)).isEqual(set)).toBe(true);
        }
        expect(String(l.union(r))).toBe(String(r.union(l)));
        expect(String(l.subtract(r).union(l.intersect(r)))).toBe(String(l));
      }),
    );
  });

  it('handles ten thousand intervals in one pass', () => {
    const many = (offset: number): string =>
      `${a}:${Array.from({ length: 10_000 }, (_, index) => index * 4 + offset).join(':')}`;
    const [even, odd] = [parse(many(1)), parse(many(3))];
    expect(even.union(odd).count()).toBe(20_000n);
    expect(even.union(odd).subtract(odd).isEqual(even)).toBe(true);
    expect(parse(`${a}:1-40000`).subtract(even).intersect(odd).isEqual(odd)).toBe(true);
    expect(even.isSubsetOf(odd)).toBe(false);
  });
});
