import { describe, expect, it } from 'vitest';
import { serverName } from '../base/index.js';
import type { ReplicaFacts, ServerFacts } from '../base/index.js';
import { findFirstPrimary } from './first-primary.js';
import type { FirstLook, FirstPrimary } from './first-primary.js';

type Sketch = { source?: string; sourceUuid?: string; readOnly?: boolean; uuid?: string } | string;

/** `source` is the name of a server, whose host has the same name; a string is an error. */
function find(sketches: Record<string, Sketch>, requested?: string): FirstPrimary {
  const servers = Object.entries(sketches).map(([name, sketch]): FirstLook => {
    const where = { name: serverName(name), address: { host: name, port: 3306 } };
    if (typeof sketch === 'string') return { ...where, error: sketch };
    const { source, sourceUuid } = sketch;
    const replica = source === undefined
      ? null
      : ({ sourceHost: source, sourcePort: 3306, sourceUuid: sourceUuid ?? `uuid-${source}` } as ReplicaFacts);
    const readOnly = sketch.readOnly ?? source !== undefined;
    const serverUuid = sketch.uuid ?? `uuid-${name}`;
    return { ...where, facts: { serverUuid, readOnly, superReadOnly: readOnly, replica } as ServerFacts };
  });
  return findFirstPrimary({ servers }, requested === undefined ? null : serverName(requested));
}

describe('the first primary', () => {
  it('is the one writable server that replicates from none and that all others follow', () => {
    expect(find({ db1: {}, db2: { source: 'db1' }, db3: { source: 'db1' } })).toEqual({
      kind: 'found',
      primary: 'db1',
      seen: [
        'db1 db1:3306: replicates from nobody, writable',
        'db2 db2:3306: replicates from db1:3306 (db1), read-only',
        'db3 db3:3306: replicates from db1:3306 (db1), read-only',
      ],
    });
  });

  it('is recognised by its UUID under another address, and by its address before the first connection', () => {
    expect(find({ db1: {}, db2: { source: 'alias', sourceUuid: 'uuid-db1' } }).kind).toBe('found');
    expect(find({ db1: {}, db2: { source: 'db1', sourceUuid: '' } }).kind).toBe('found');
    expect(find({ db1: {}, db2: { source: 'db1', sourceUuid: 'uuid-of-another' } }).kind).toBe('refused');
  });

  it.each<[string, Record<string, Sketch>, RegExp]>([
    ['two are writable', { db1: {}, db2: {}, db3: { source: 'db1' } }, /db1 and db2 are all writable/],
    ['none is writable', { db1: { readOnly: true }, db2: { source: 'db1' } }, /no server both/],
    ['one does not answer', { db1: {}, db2: 'refused' }, /db2 cannot be looked at/],
    ['one follows a stranger', { db1: {}, db2: { source: 'db9' } }, /db2 does not follow db1/],
    ['one follows nobody', { db1: {}, db2: { readOnly: true } }, /db2 does not follow db1/],
    ['one follows in a chain', { db1: {}, db2: { source: 'db1' }, db3: { source: 'db2' } }, /db3 does not follow db1/],
    ['they follow each other', { db1: { source: 'db2' }, db2: { source: 'db1' } }, /no server both/],
    ['two have one UUID', { db1: {}, db2: { source: 'db1', uuid: 'uuid-db1' } }, /share a server_uuid/],
  ])('is refused, with what was seen, when %s', (_, servers, reason) => {
    const result = find(servers);
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
    expect(result.seen).toHaveLength(Object.keys(servers).length);
  });

  it('is whom a person names, where that can be meant', () => {
    expect(find({ db1: {}, db2: {}, db3: 'refused' }, 'db2')).toMatchObject({ kind: 'found', primary: 'db2' });
    expect(find({ db1: { readOnly: true }, db2: { source: 'db1' } }, 'db1')).toMatchObject({ primary: 'db1' });
    expect(find({ db1: { readOnly: true }, db2: { source: 'db1' } }, 'db2')).toMatchObject({ primary: 'db2' });
  });

  it.each([
    ['db9', /not a server of this cluster/],
    ['db3', /db3 cannot be looked at: refused/],
    ['db2', /db2 follows db1, which is writable/],
  ])('is refused for the name %s', (requested, reason) => {
    const result = find({ db1: {}, db2: { source: 'db1' }, db3: 'refused' }, requested);
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
  });
});
