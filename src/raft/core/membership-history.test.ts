import { describe, expect, it } from 'vitest';
import { logIndex, managerId, term } from '../../base/index.js';
import type { StoredEntry } from './entry.js';
import { MembershipHistory } from './membership-history.js';
import { bootstrapMembership, type Membership } from './membership.js';

const of = (count: number): Membership =>
  bootstrapMembership(Array.from({ length: count }, (_, at) => managerId(`m${at + 1}`)));
const entry = (index: number, membership: Membership): StoredEntry =>
  ({ index: logIndex(index), term: term(1), timeMs: 0, payload: { kind: 'membership', membership } });

describe('the memberships of a log', () => {
  it('are in force as soon as they are appended, and taken back with a truncation', () => {
    const history = new MembershipHistory(of(3), logIndex(0), []);
    expect(history.appended(entry(5, of(4)))).toBe(true);
    expect(history.current).toEqual(of(4));
    expect(history.currentIndex).toBe(5);
    expect(history.truncatedFrom(logIndex(6))).toBe(false);
    expect(history.truncatedFrom(logIndex(5))).toBe(true);
    expect(history.current).toEqual(of(3));
  });

  it('can be asked for as of an index, also after older ones are forgotten', () => {
    const history = new MembershipHistory(of(3), logIndex(0), [entry(5, of(4)), entry(9, of(5))]);
    expect([4, 5, 8, 9].map((index) => history.at(logIndex(index)).voters.length)).toEqual([3, 4, 4, 5]);
    history.forgetBefore(logIndex(6));
    expect([6, 9].map((index) => history.at(logIndex(index)).voters.length)).toEqual([4, 5]);
  });

  it('are committed up to the one before the newest, whatever else is known', () => {
    const history = new MembershipHistory(of(3), logIndex(0), [entry(5, of(4)), entry(9, of(5))]);
    const at = (index: number): number => history.committed(logIndex(index)).voters.length;
    expect([at(0), at(5), at(8), at(9), at(20)]).toEqual([4, 4, 4, 5, 5]);
    expect(new MembershipHistory(of(3), logIndex(0), []).committed(logIndex(0))).toEqual(of(3));
    expect(new MembershipHistory(of(3), logIndex(0), [entry(2, of(4))]).committed(logIndex(1))).toEqual(of(3));
  });

  it('begin with that of a snapshot, whatever trails before it', () => {
    const history = new MembershipHistory(of(4), logIndex(7), [entry(5, of(3)), entry(8, of(5))]);
    expect(history.at(logIndex(7))).toEqual(of(4));
    expect(history.current).toEqual(of(5));
  });
});
