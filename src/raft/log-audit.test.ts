import { describe, expect, it } from 'vitest';
import { logIndex, managerId, term } from '../base/index.js';
import type { StoredEntry } from './core/index.js';
import { auditLog } from './log-audit.js';
import type { Audit, RawEntry } from './log-audit.js';
import { emptyState, encodeEntry } from './log-record.js';
import type { StateRecord } from './log-record.js';

const entry = (index: number): StoredEntry =>
  ({ index: logIndex(index), term: term(1), timeMs: index, payload: { kind: 'no-op' } });

/** The records after `count` entries, at that generation. */
function after(count: number): { readonly state: StateRecord; readonly raw: readonly RawEntry[] } {
  const empty = emptyState('c');
  const raw: RawEntry[] = [];
  let { tail } = empty;
  for (let index = 1; index <= count; index += 1) {
    const { bytes, hash } = encodeEntry(entry(index), tail.hash);
    raw.push({ index, bytes });
    tail = { index: logIndex(index), term: term(1), timeMs: index, hash };
  }
  const hardState = { term: term(1), votedFor: managerId('m1'), commitIndex: logIndex(0) };
  return { state: { ...empty, generation: count, hardState, tail }, raw };
}

/** Two entries are acknowledged, a third was being written: of all three, this is left. */
function left(...indexes: readonly number[]): Audit {
  const { state, raw } = after(3);
  const entries = raw.filter(({ index }) => indexes.includes(index));
  return auditLog(after(2).state, { state, snapshot: null, entries });
}

describe('a write that was never acknowledged', () => {
  it('is kept when it is whole, and cut when its entry is missing', () => {
    expect(left(1, 2, 3)).toMatchObject({ kind: 'sound', cutFrom: null });
    expect(left(1, 2)).toMatchObject({ kind: 'sound', cutFrom: 3 });
  });

  it('is no excuse for what was acknowledged before it', () => {
    expect(left(1)).toEqual({ kind: 'faulted', why: 'entry 2 is missing' });
    expect(left(1, 3)).toEqual({ kind: 'faulted', why: 'entry 2 is missing' });
    const { state, raw } = after(2);
    expect(auditLog(state, { state, snapshot: null, entries: raw.slice(0, 1) }).kind).toBe('faulted');
  });
});
