import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, managerId } from '../../base/index.js';
import { isMajority, majority, majorityIndex, tally } from './quorum.js';

const voters = (count: number) => Array.from({ length: count }, (_, at) => managerId(`m${at}`));

describe('majorities', () => {
  it('are more than half', () => {
    expect([1, 2, 3, 4, 5].map(majority)).toEqual([1, 2, 2, 3, 3]);
  });

  it('any two of them share a voter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer(), fc.integer(), (count, a, b) => {
        const all = voters(count);
        const has = (mask: number) => (voter: string) => ((mask >> all.indexOf(voter as never)) & 1) === 1;
        const share = all.some((voter) => has(a)(voter) && has(b)(voter));
        return share || !isMajority(all, has(a)) || !isMajority(all, has(b));
      }),
    );
  });

  it('hold the largest index that more than half hold', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 9 }), (indexes) => {
        const all = voters(indexes.length);
        const index = majorityIndex(all, (voter) => logIndex(indexes[all.indexOf(voter)] ?? 0));
        const holding = (at: number) => indexes.filter((held) => held >= at).length;
        return holding(index) >= majority(all.length) && holding(index + 1) < majority(all.length);
      }),
    );
  });

  it('are won, lost or open', () => {
    const [a, b, c] = [managerId('a'), managerId('b'), managerId('c')];
    const all = [a, b, c];
    expect(tally(all, new Map([[a, true]]))).toBe('open');
    expect(tally(all, new Map([[a, true], [b, false]]))).toBe('open');
    expect(tally(all, new Map([[a, true], [c, true]]))).toBe('won');
    expect(tally(all, new Map([[b, false], [c, false]]))).toBe('lost');
    expect(tally(all, new Map([[managerId('stranger'), true], [a, true]]))).toBe('open');
  });
});
