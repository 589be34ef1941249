import { describe, expect, it } from 'vitest';
import { queueAgeMsMax, queueBytesMax, queueFramesMax } from './limits.js';
import { SendQueue } from './send-queue.js';

const frameOf = (byte: number, length = 1): Uint8Array => new Uint8Array(length).fill(byte);

describe('the send queue', () => {
  it('gives consensus before everything else', () => {
    const queue = new SendQueue();
    queue.add('ha', frameOf(1), 0);
    queue.add('raft', frameOf(2), 0);
    expect(queue.next(0)).toEqual(frameOf(2));
    expect(queue.next(0)).toEqual(frameOf(1));
    expect(queue.next(0)).toBeNull();
  });

  it('drops the oldest when too many wait, and counts it', () => {
    const queue = new SendQueue();
    for (let n = 0; n < queueFramesMax + 3; n += 1) queue.add('ha', frameOf(n % 256), 0);
    expect(queue.droppedFrames).toBe(3);
    expect(queue.waitingFrames).toBe(queueFramesMax);
    expect(queue.next(0)).toEqual(frameOf(3));
  });

  it('holds a bounded number of bytes', () => {
    const queue = new SendQueue();
    for (let n = 0; n < 20; n += 1) queue.add('raft', frameOf(n, 1_000_000), 0);
    expect(queue.waitingBytes).toBeLessThanOrEqual(queueBytesMax);
    expect(queue.droppedFrames).toBe(16);
  });

  it('one full channel takes nothing from another', () => {
    const queue = new SendQueue();
    queue.add('raft', frameOf(7), 0);
    for (let n = 0; n < queueFramesMax * 2; n += 1) queue.add('ha', frameOf(0), 0);
    expect(queue.next(0)).toEqual(frameOf(7));
  });

  it('throws stale frames away instead of sending them', () => {
    const queue = new SendQueue();
    queue.add('raft', frameOf(1), 0);
    queue.add('raft', frameOf(2), queueAgeMsMax);
    expect(queue.next(queueAgeMsMax + 1)).toEqual(frameOf(2));
    expect(queue.droppedFrames).toBe(1);
  });
});
