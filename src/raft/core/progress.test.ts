import { describe, expect, it } from 'vitest';
import { logIndex } from '../../base/index.js';
import { accepted, canSend, createProgress, entriesSent, rejected } from './progress.js';

const window = { inflightMessagesMax: 2, inflightBytesMax: 100 };
const at = logIndex;

function replicating(match: number) {
  const progress = createProgress(at(10));
  accepted(progress, at(match), at(0));
  return progress;
}

describe('progress of a peer', () => {
  it('sends one append at a time while it probes', () => {
    const progress = createProgress(at(10));
    expect(canSend(progress, window)).toBe(true);
    entriesSent(progress, at(11), 10);
    expect(canSend(progress, window)).toBe(false);
    expect(progress.next).toBe(11);
  });

  it('sends ahead within the window of messages once the logs agree', () => {
    const progress = replicating(10);
    entriesSent(progress, at(11), 10);
    expect(canSend(progress, window)).toBe(true);
    entriesSent(progress, at(12), 10);
    expect(canSend(progress, window)).toBe(false);
    accepted(progress, at(11), at(0));
    expect(canSend(progress, window)).toBe(true);
    expect(progress).toMatchObject({ match: 11, next: 13, inflightBytes: 10 });
  });

  it('sends ahead within the window of bytes', () => {
    const progress = replicating(10);
    entriesSent(progress, at(11), 100);
    expect(canSend(progress, window)).toBe(false);
  });

  it('goes back to probing after what is surely held when an append is refused', () => {
    const progress = replicating(4);
    entriesSent(progress, at(7), 10);
    expect(rejected(progress, at(7), at(7))).toBe(true);
    expect(progress).toMatchObject({ state: 'probe', match: 4, next: 5, inflights: [], inflightBytes: 0 });
  });

  it('ignores refusals of appends that later ones overtook', () => {
    const progress = replicating(8);
    expect(rejected(progress, at(8), at(3))).toBe(false);
    const probing = createProgress(at(10));
    expect(rejected(probing, at(5), at(3))).toBe(false);
    expect(probing.next).toBe(11);
  });

  it('jumps to the hint, never below what is surely held', () => {
    const probing = createProgress(at(10));
    expect(rejected(probing, at(10), at(3))).toBe(true);
    expect(probing.next).toBe(4);
    const known = replicating(4);
    rejected(known, at(9), at(0));
    expect(known.next).toBe(5);
  });

  it('never moves match back', () => {
    const progress = replicating(8);
    accepted(progress, at(3), at(0));
    expect(progress.match).toBe(8);
  });
});
