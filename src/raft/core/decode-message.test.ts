import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from './decode-message.js';

const member = { id: 'm1', rpc: '10.0.0.1:7400', http: null, storeId: 's1', reducerMax: 1, replaces: null };
const membership = {
  voters: [member, { ...member, id: 'm2' }],
  learners: [{ ...member, id: 'm3', then: 'vote', replaces: 'm2' }],
  removed: ['m9'],
};

const append = {
  kind: 'append-request',
  term: 3,
  prevIndex: 4,
  prevTerm: 2,
  commitIndex: 4,
  readRound: 0,
  entries: [
    { index: 5, term: 2, timeMs: 10, payload: { kind: 'no-op' } },
    {
      index: 6,
      term: 3,
      timeMs: 10,
      payload: { kind: 'command', session: { id: 's', serial: 1 }, command: new Uint8Array([1, 2]) },
    },
  ],
};

const messages = [
  { kind: 'pre-vote-request', term: 2, lastIndex: 1, lastTerm: 1 },
  { kind: 'vote-request', term: 2, lastIndex: 1, lastTerm: 1, isTransfer: true },
  { kind: 'pre-vote-response', term: 2, granted: true },
  { kind: 'vote-response', term: 2, granted: false },
  append,
  { kind: 'append-response', accepted: true, term: 1, matchIndex: 0, readRound: 7, isDiskLow: false },
  {
    kind: 'append-response', accepted: false, term: 1, rejectedIndex: 9, hintIndex: 3, hintTerm: 1, readRound: 7,
    isDiskLow: true,
  },
  {
    kind: 'snapshot-chunk', term: 4, base: { index: 9, term: 3, timeMs: 5 }, membership, totalBytes: 4, totalCrc: 1,
    offset: 2, bytes: new Uint8Array([1, 2]), crc: 2,
  },
  { kind: 'snapshot-answer', term: 4, index: 9, nextOffset: 4 },
  { kind: 'timeout-now', term: 4 },
];

/** Every message with one field made into something else. */
const spoiled = messages.flatMap((message) =>
  Object.keys(message).flatMap((key) =>
    [undefined, null, -1, 1.5, 2 ** 53, NaN, 'x', {}, [1], true]
      .filter((value) => !(typeof value === 'boolean' && typeof message[key as never] === 'boolean'))
      .map((value) => ({ ...message, [key]: value })),
  ),
);

const entryWith = (change: object) => ({ ...append, entries: [{ ...append.entries[0], ...change }] });
const command = (change: object) =>
  entryWith({ payload: { ...append.entries[1]?.payload, ...change } });

describe('decodeMessage', () => {
  it.each(messages)('takes a $kind as it is', (message) => {
    expect(decodeMessage(message)).toEqual(message);
  });

  it('refuses any field of a wrong type or range', () => {
    for (const value of spoiled) expect(decodeMessage(value), JSON.stringify(value)).toBeNull();
  });

  it('refuses a chunk that is more than the whole, or of a later term than its sender', () => {
    const chunk = messages.find(({ kind }) => kind === 'snapshot-chunk');
    expect(decodeMessage({ ...chunk, offset: 3 })).toBeNull();
    expect(decodeMessage({ ...chunk, base: { index: 9, term: 5, timeMs: 5 } })).toBeNull();
  });

  it('takes a membership as it is, and refuses one with a member twice or a field of a wrong type', () => {
    const carrying = (value: unknown) => entryWith({ payload: { kind: 'membership', membership: value } });
    expect(decodeMessage(carrying(membership))).toEqual(carrying(membership));
    const [voter] = membership.voters;
    for (const wrong of [
      null, [], {}, { ...membership, voters: [voter, voter] }, { ...membership, removed: [1] },
      { ...membership, learners: [{ ...member, id: 'm3' }] }, { ...membership, voters: new Array(10).fill(voter) },
      ...Object.keys(member).map((key) => ({ ...membership, voters: [{ ...member, [key]: 1.5 }] })),
      ...Object.keys(member).map((key) => ({ ...membership, voters: [{ ...member, [key]: undefined }] })),
    ]) {
      expect(decodeMessage(carrying(wrong)), JSON.stringify(wrong)).toBeNull();
    }
  });

  it('refuses what is not an object, and unknown kinds', () => {
    for (const value of [null, undefined, 1, 'append-request', [], {}, { kind: 'x' }, { kind: '__proto__' }]) {
      expect(decodeMessage(value)).toBeNull();
    }
  });

  it.each([
    ['a gap', entryWith({ index: 7 })],
    ['a term before the one before', entryWith({ term: 1 })],
    ['a term after the sender\'s', entryWith({ term: 4 })],
    ['a time that is no integer', entryWith({ timeMs: 0.5 })],
    ['no payload', entryWith({ payload: null })],
    ['an unknown payload', entryWith({ payload: { kind: 'other' } })],
    ['a command that is no bytes', command({ command: [1, 2] })],
    ['a session without id', command({ session: { serial: 1 } })],
    ['a session id without end', command({ session: { id: 'x'.repeat(300), serial: 1 } })],
    ['time going back', { ...append, entries: [append.entries[0], { ...append.entries[1], timeMs: 9 }] }],
    ['too many entries', { ...append, entries: new Array(100_000).fill(append.entries[0]) }],
    ['holes instead of entries', { ...append, entries: new Array(3) }],
  ])('refuses entries with %s', (_, value) => {
    expect(decodeMessage(value)).toBeNull();
  });

  it('copies commands, so that no entry keeps a socket buffer alive, and drops unknown keys', () => {
    const decoded = decodeMessage({ ...append, extra: 1 });
    expect(decoded).not.toHaveProperty('extra');
    append.entries[1]?.payload.command?.fill(9);
    expect(decoded).toHaveProperty('entries.1.payload.command', new Uint8Array([1, 2]));
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.anything(), (value) => decodeMessage(value) === null));
  });
});
