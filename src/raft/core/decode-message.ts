/**
 * Checks what comes from the wire before the core sees it. Whatever is not exactly a message gives null, never an
 * exception; the result is built anew, so that unknown keys fall away and no entry keeps a socket's buffer alive.
 * The contents are believed once the shape is right: Raft is no defence against a lying peer, and who the peer is
 * rests on its own word until there is TLS (input.ts).
 */
import type { LogIndex, Term } from '../../base/index.js';
import { logIndex, term } from '../../base/index.js';
import type { EntryPayload, StoredEntry } from './entry.js';
import { sessionIdCharsMax } from './entry.js';
import { entriesPerAppendMax } from './log.js';
import { decodeMembership } from './decode-membership.js';
import type { Membership } from './membership.js';
import type { Message } from './message.js';

type Fields = Readonly<Record<string, unknown>>;

class Malformed extends Error {}

export function decodeMessage(value: unknown): Message | null {
  try {
    return decode(fields(value));
  } catch (thrown) {
    if (thrown instanceof Malformed) return null;
    throw thrown;
  }
}

function decode(from: Fields): Message {
  switch (from['kind']) {
    case 'pre-vote-request':
      return { kind: from['kind'], ...candidacyIn(from) };
    case 'vote-request':
      return { kind: from['kind'], ...candidacyIn(from), isTransfer: truthIn(from, 'isTransfer') };
    case 'pre-vote-response':
    case 'vote-response':
      return { kind: from['kind'], term: termIn(from, 'term'), granted: truthIn(from, 'granted') };
    case 'append-request':
      return appendRequest(from);
    case 'append-response':
      return appendResponse(from);
    case 'snapshot-chunk':
      return snapshotChunk(from);
    case 'snapshot-answer':
      return {
        kind: from['kind'],
        term: termIn(from, 'term'),
        index: indexIn(from, 'index'),
        nextOffset: countIn(from, 'nextOffset'),
      };
    case 'timeout-now':
      return { kind: from['kind'], term: termIn(from, 'term') };
    default:
      throw new Malformed();
  }
}

function candidacyIn(from: Fields): { term: Term; lastIndex: LogIndex; lastTerm: Term } {
  return { term: termIn(from, 'term'), lastIndex: indexIn(from, 'lastIndex'), lastTerm: termIn(from, 'lastTerm') };
}

function snapshotChunk(from: Fields): Message {
  const base = fields(from['base']);
  const message = {
    kind: 'snapshot-chunk' as const,
    term: termIn(from, 'term'),
    base: { index: indexIn(base, 'index'), term: termIn(base, 'term'), timeMs: countIn(base, 'timeMs') },
    membership: membershipIn(from['membership']),
    totalBytes: countIn(from, 'totalBytes'),
    totalCrc: countIn(from, 'totalCrc'),
    offset: countIn(from, 'offset'),
    bytes: bytesIn(from, 'bytes'),
    crc: countIn(from, 'crc'),
  };
  if (message.base.term > message.term) throw new Malformed();
  if (message.offset + message.bytes.length > message.totalBytes) throw new Malformed();
  return message;
}

function membershipIn(value: unknown): Membership {
  const membership = decodeMembership(value);
  if (membership === null) throw new Malformed();
  return membership;
}

function appendRequest(from: Fields): Message {
  const message = {
    kind: 'append-request' as const,
    term: termIn(from, 'term'),
    prevIndex: indexIn(from, 'prevIndex'),
    prevTerm: termIn(from, 'prevTerm'),
    commitIndex: indexIn(from, 'commitIndex'),
    readRound: countIn(from, 'readRound'),
  };
  const list = from['entries'];
  if (!Array.isArray(list) || list.length > entriesPerAppendMax) throw new Malformed();
  // Not `map`: it would skip holes, and leave them unchecked.
  const entries = Array.from(list, (item: unknown) => entry(fields(item)));
  let before: { index: number; term: number; timeMs: number } = {
    index: message.prevIndex,
    term: message.prevTerm,
    timeMs: 0,
  };
  for (const item of entries) {
    const follows = item.index === before.index + 1 && item.term >= before.term && item.timeMs >= before.timeMs;
    if (!follows || item.term > message.term) throw new Malformed();
    before = item;
  }
  if (message.prevTerm > message.term) throw new Malformed();
  return { ...message, entries };
}

function appendResponse(from: Fields): Message {
  const kind = 'append-response' as const;
  const readRound = countIn(from, 'readRound');
  const isDiskLow = truthIn(from, 'isDiskLow');
  if (truthIn(from, 'accepted')) {
    const matchIndex = indexIn(from, 'matchIndex');
    return { kind, accepted: true, term: termIn(from, 'term'), matchIndex, readRound, isDiskLow };
  }
  return {
    kind,
    accepted: false,
    term: termIn(from, 'term'),
    rejectedIndex: indexIn(from, 'rejectedIndex'),
    hintIndex: indexIn(from, 'hintIndex'),
    hintTerm: termIn(from, 'hintTerm'),
    readRound,
    isDiskLow,
  };
}

function entry(from: Fields): StoredEntry {
  return {
    index: indexIn(from, 'index'),
    term: termIn(from, 'term'),
    timeMs: countIn(from, 'timeMs'),
    payload: payload(fields(from['payload'])),
  };
}

function payload(from: Fields): EntryPayload {
  if (from['kind'] === 'no-op') return { kind: 'no-op' };
  if (from['kind'] === 'membership') return { kind: 'membership', membership: membershipIn(from['membership']) };
  if (from['kind'] !== 'command') throw new Malformed();
  const session = fields(from['session']);
  const id = session['id'];
  if (typeof id !== 'string' || id.length > sessionIdCharsMax) throw new Malformed();
  return {
    kind: 'command',
    session: { id, serial: countIn(session, 'serial') },
    command: bytesIn(from, 'command'),
  };
}

function fields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed();
  return value as Fields;
}

function countIn(from: Fields, key: string): number {
  const value = from[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Malformed();
  return value;
}

function truthIn(from: Fields, key: string): boolean {
  const value = from[key];
  if (typeof value !== 'boolean') throw new Malformed();
  return value;
}

function bytesIn(from: Fields, key: string): Uint8Array {
  const value = from[key];
  if (!(value instanceof Uint8Array)) throw new Malformed();
  return new Uint8Array(value);
}

const termIn = (from: Fields, key: string): Term => term(countIn(from, key));
const indexIn = (from: Fields, key: string): LogIndex => logIndex(countIn(from, key));
