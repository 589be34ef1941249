import { describe, expect, it } from 'vitest';
import { logIndex } from '../../base/index.js';
import { readsWaitingMax } from './config.js';
import { ReadQueue } from './read-index.js';

describe('the read queue', () => {
  it('serves all parked reads with one round, and later ones with the next', () => {
    const reads = new ReadQueue();
    reads.park(1);
    reads.park(2);
    reads.begin(logIndex(5));
    reads.park(3);
    reads.confirm();
    expect(reads.takeReady(logIndex(5))).toEqual([{ round: 1, index: 5, readIds: [1, 2] }]);
    expect(reads.hasParked).toBe(true);
  });

  it('keeps a confirmed read until its index is applied', () => {
    const reads = new ReadQueue();
    reads.park(1);
    reads.begin(logIndex(5));
    reads.confirm();
    expect(reads.takeReady(logIndex(4))).toEqual([]);
    expect(reads.takeReady(logIndex(6)).map((round) => round.readIds)).toEqual([[1]]);
    expect(reads.takeReady(logIndex(6))).toEqual([]);
  });

  it('abandons every read that waits, wherever it waits', () => {
    const reads = new ReadQueue();
    for (const readId of [1, 2, 3]) {
      reads.park(readId);
      if (readId === 3) break;
      reads.begin(logIndex(9));
      if (readId === 1) reads.confirm();
    }
    expect(reads.abandon()).toEqual([1, 2, 3]);
    expect(reads.abandon()).toEqual([]);
  });

  it('is bounded', () => {
    const reads = new ReadQueue();
    for (let readId = 0; readId < readsWaitingMax; readId += 1) expect(reads.park(readId)).toBe(true);
    expect(reads.park(-1)).toBe(false);
    reads.begin(logIndex(1));
    expect(reads.park(-1)).toBe(false);
  });
});
