/**
 * What waits for one peer: a bounded queue per channel, drained in the order of `channels`, so that consensus never
 * waits behind bulk. When a queue is full its oldest frame goes; every frame that never reached a socket is counted.
 */
import { channels, type Channel } from './types.js';
import { queueAgeMsMax, queueBytesMax, queueFramesMax } from './limits.js';

interface Waiting {
  readonly frame: Uint8Array;
  readonly sinceMs: number;
}

interface ChannelQueue {
  readonly frames: Waiting[];
  bytes: number;
}

export class SendQueue {
  readonly #queues = new Map<Channel, ChannelQueue>(channels.map((name) => [name, { frames: [], bytes: 0 }]));
  #dropped = 0;

  get droppedFrames(): number {
    return this.#dropped;
  }

  get waitingBytes(): number {
    let bytes = 0;
    for (const queue of this.#queues.values()) bytes += queue.bytes;
    return bytes;
  }

  get waitingFrames(): number {
    let frames = 0;
    for (const queue of this.#queues.values()) frames += queue.frames.length;
    return frames;
  }

  countDrop(): void {
    this.#dropped += 1;
  }

  add(channel: Channel, frame: Uint8Array, nowMs: number): void {
    const queue = this.#queues.get(channel);
    if (queue === undefined) return;
    queue.frames.push({ frame, sinceMs: nowMs });
    queue.bytes += frame.length;
    while (queue.frames.length > queueFramesMax || queue.bytes > queueBytesMax) this.#dropOldest(queue);
  }

  /** The next frame worth sending, or null. */
  next(nowMs: number): Uint8Array | null {
    for (const queue of this.#queues.values()) {
      while (queue.frames.length > 0) {
        const oldest = queue.frames[0];
        if (oldest !== undefined && nowMs - oldest.sinceMs <= queueAgeMsMax) {
          queue.frames.shift();
          queue.bytes -= oldest.frame.length;
          return oldest.frame;
        }
        this.#dropOldest(queue);
      }
    }
    return null;
  }

  clear(): void {
    for (const queue of this.#queues.values()) {
      this.#dropped += queue.frames.length;
      queue.frames.length = 0;
      queue.bytes = 0;
    }
  }

  #dropOldest(queue: ChannelQueue): void {
    const oldest = queue.frames.shift();
    if (oldest === undefined) return;
    queue.bytes -= oldest.frame.length;
    this.#dropped += 1;
  }
}
