import { describe, expect, it } from 'vitest';
import { logIndex } from '../../base/index.js';
import { Durability } from './durability.js';

const at = logIndex;

describe('durability', () => {
  it('does not take the late notice of an overwritten entry for the new one', () => {
    const durability = new Durability(at(4));
    const old = durability.nextSeq();
    durability.entriesIn(old, at(6));
    durability.truncatedFrom(at(5));
    const fresh = durability.nextSeq();
    durability.entriesIn(fresh, at(5));
    durability.persisted(old);
    expect(durability.durableIndex).toBe(4);
    durability.persisted(fresh);
    expect(durability.durableIndex).toBe(5);
  });

  it('still takes the notice for what was not overwritten', () => {
    const durability = new Durability(at(0));
    const seq = durability.nextSeq();
    durability.entriesIn(seq, at(6));
    durability.truncatedFrom(at(4));
    durability.persisted(seq);
    expect(durability.durableIndex).toBe(3);
  });

  it('lowers what is durable when durable entries are overwritten', () => {
    const durability = new Durability(at(9));
    durability.truncatedFrom(at(5));
    expect(durability.durableIndex).toBe(4);
  });

  it('takes a notice for all writes before it', () => {
    const durability = new Durability(at(0));
    for (let entry = 1; entry <= 3; entry += 1) durability.entriesIn(durability.nextSeq(), at(entry));
    durability.persisted(3);
    expect(durability.durableIndex).toBe(3);
    expect(durability.afterAll()).toBeNull();
  });

  it('names the write that a message has to wait for', () => {
    const durability = new Durability(at(2));
    expect(durability.afterAll()).toBeNull();
    const vote = durability.nextSeq();
    durability.voteIn(vote);
    const three = durability.nextSeq();
    durability.entriesIn(three, at(3));
    const four = durability.nextSeq();
    durability.entriesIn(four, at(4));
    expect(durability.afterVote()).toBe(vote);
    expect(durability.afterEntries(at(2))).toBe(vote);
    expect(durability.afterEntries(at(3))).toBe(three);
    expect(durability.afterAll()).toBe(four);
    durability.persisted(three);
    expect(durability.afterEntries(at(3))).toBeNull();
    expect(durability.afterEntries(at(4))).toBe(four);
  });

  it('counts ticks while something waits and nothing is finished', () => {
    const durability = new Durability(at(0));
    const ticks = (count: number): number => {
      for (let done = 0; done < count; done += 1) durability.tick();
      return durability.stalledTicks;
    };
    expect(ticks(3)).toBe(0);
    const first = durability.nextSeq();
    durability.entriesIn(first, at(1));
    expect(ticks(3)).toBe(3);
    durability.entriesIn(durability.nextSeq(), at(2));
    expect(ticks(1)).toBe(4);
    durability.persisted(first);
    expect(durability.stalledTicks).toBe(0);
    expect(ticks(2)).toBe(2);
    durability.persisted(durability.lastSeq);
    expect(ticks(2)).toBe(0);
  });

  it('refuses a notice for a write that was never asked for', () => {
    expect(() => new Durability(at(0)).persisted(1)).toThrow('never asked for');
  });
});
