import { describe, expect, it } from 'vitest';
import { logIndex, term } from '../../base/index.js';
import type { StoredEntry } from './entry.js';
import { RaftLog } from './log.js';
import { emptyBase } from './snapshot.js';

/** A log whose entries have these terms. */
function logOf(...terms: readonly number[]): RaftLog {
  return new RaftLog(emptyBase, terms.map((value, at) => entry(at + 1, value)));
}

function entry(index: number, entryTerm: number, bytes = 1): StoredEntry {
  const payload = { kind: 'command' as const, session: { id: 's', serial: 1 }, command: new Uint8Array(bytes) };
  return { index: logIndex(index), term: term(entryTerm), timeMs: index, payload };
}

describe('the log', () => {
  it('matches the empty prefix, and nothing beyond its end', () => {
    const log = logOf(1);
    expect(log.matches(logIndex(0), term(0))).toBe(true);
    expect(log.matches(logIndex(1), term(1))).toBe(true);
    expect(log.matches(logIndex(2), term(1))).toBe(false);
  });

  it('finds where two logs can first agree, a whole term at a time', () => {
    const log = logOf(1, 1, 4, 4, 5, 5, 6, 6, 6);
    expect(log.agreementAtMost(logIndex(9), term(3))).toEqual({ index: 2, term: 1 });
    expect(log.agreementAtMost(logIndex(20), term(5))).toEqual({ index: 6, term: 5 });
    expect(log.agreementAtMost(logIndex(3), term(0))).toEqual({ index: 0, term: 0 });
  });

  it('prefers the later last term over the longer log', () => {
    const log = logOf(1, 1, 2);
    expect(log.isUpToDate(logIndex(1), term(3))).toBe(true);
    expect(log.isUpToDate(logIndex(9), term(1))).toBe(false);
    expect(log.isUpToDate(logIndex(3), term(2))).toBe(true);
    expect(log.isUpToDate(logIndex(2), term(2))).toBe(false);
  });

  it('batches by size, but never sends nothing because one entry is large', () => {
    const log = new RaftLog(emptyBase, [entry(1, 1, 500), entry(2, 1, 10), entry(3, 1, 10), entry(4, 1, 500)]);
    expect(log.batch(logIndex(1), 100).map((item) => item.index)).toEqual([1]);
    expect(log.batch(logIndex(2), 150).map((item) => item.index)).toEqual([2, 3]);
    expect(log.batch(logIndex(5), 150)).toEqual([]);
  });

  it('refuses an entry that leaves a gap, or whose term or time goes back', () => {
    expect(() => logOf(1).append(entry(3, 1))).toThrow('does not follow');
    expect(() => logOf(2).append(entry(2, 1))).toThrow('below the one before');
    expect(() => logOf(1).append({ ...entry(2, 1), timeMs: 0 })).toThrow('before the one before');
  });
});
