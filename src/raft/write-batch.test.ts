import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIndex, managerId, term } from '../base/index.js';
import type { HardState, StoredEntry, WriteOutput } from './core/index.js';
import { MemoryLogStore } from './memory-log-store.js';
import { foldWrite, type WriteBatch } from './write-batch.js';

function entryOf(index: number, inTerm: number, text: string): StoredEntry {
  const command = new TextEncoder().encode(text);
  const payload = { kind: 'command', session: { id: 's', serial: index }, command } as const;
  return { index: logIndex(index), term: term(inTerm), timeMs: 0, payload };
}

const noSnapshot = { snapshot: null, replacesLog: false, compactTo: null };

const hardStateIn = (inTerm: number): HardState => {
  return { term: term(inTerm), votedFor: managerId('m1'), commitIndex: logIndex(0) };
};

/** Valid writes of a core whose disk holds `stored` entries. */
function writesFrom(stored: number, moves: readonly { readonly cut: number; readonly add: number }[]): WriteOutput[] {
  let last = stored;
  return moves.map(({ cut, add }, at) => {
    const keep = Math.max(0, last - cut);
    last = keep + add;
    return {
      kind: 'write',
      seq: at + 1,
      hardState: at % 2 === 0 ? hardStateIn(at + 2) : null,
      ...noSnapshot,
      truncateFrom: cut === 0 ? null : logIndex(keep + 1),
      entries: Array.from({ length: add }, (_, n) => entryOf(keep + 1 + n, at + 2, `write ${at}`)),
      sync: true,
    };
  });
}

async function storeWith(count: number): Promise<MemoryLogStore> {
  const store = new MemoryLogStore();
  await store.open();
  const entries = Array.from({ length: count }, (_, n) => entryOf(n + 1, 1, 'stored'));
  await store.write({ ...noSnapshot, hardState: hardStateIn(1), truncateFrom: null, entries });
  return store;
}

describe('a folded write', () => {
  it('does not tell the store to truncate what only ever stood in the batch', async () => {
    const moves = [{ cut: 0, add: 3 }, { cut: 2, add: 1 }];
    const batch = writesFrom(4, moves).reduce<WriteBatch | null>((sum, write) => foldWrite(sum, write), null);
    expect(batch?.truncateFrom).toBeNull();
    expect(batch?.entries.map(({ index, term: inTerm }) => [index, inTerm])).toEqual([[5, 2], [6, 3]]);
  });

  it('leaves the store as the single writes would, in order', async () => {
    const move = fc.record({ cut: fc.nat(3), add: fc.nat(4) });
    await fc.assert(
      fc.asyncProperty(fc.nat(5), fc.array(move, { minLength: 1, maxLength: 6 }), async (stored, moves) => {
        const writes = writesFrom(stored, moves);
        const [singly, folded] = [await storeWith(stored), await storeWith(stored)];
        for (const write of writes) await singly.write(write);
        const batch = writes.reduce<WriteBatch | null>((sum, write) => foldWrite(sum, write), null);
        if (batch !== null) await folded.write(batch);
        expect(await folded.open()).toEqual(await singly.open());
        expect(batch?.seq).toBe(writes.length);
      }),
      { numRuns: 1000 },
    );
  });
});
