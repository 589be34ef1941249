/**
 * Frames on a TCP stream: 4 bytes of length (big-endian, of what follows), 1 byte of kind, then the body. `FrameReader`
 * cuts a stream into frames. It refuses a length above its limit as soon as it has read it, and it never holds more
 * bytes than it was sent: a peer that announces a large frame and sends one byte at a time costs one byte at a time.
 */
import { assert } from '../base/index.js';
import { channels, type Channel } from './types.js';
import { encode } from './codec.js';
import { frameBytesMax } from './limits.js';

export const frameKinds = { hello: 1, welcome: 2, refused: 3, ping: 4, pong: 5 } as const;
const firstChannelKind = 16;

export interface Frame {
  readonly kind: number;
  /** A view of the reader's buffer: valid until the reader is fed again. */
  readonly body: Uint8Array;
}

export function kindOfChannel(channel: Channel): number {
  return firstChannelKind + channels.indexOf(channel);
}

export function channelOfKind(kind: number): Channel | null {
  return channels[kind - firstChannelKind] ?? null;
}

/** Null when the value makes a frame above the limit. */
export function encodeFrame(kind: number, value: unknown): Uint8Array | null {
  const body = encode(value);
  const length = body.length + 1;
  if (length > frameBytesMax) return null;
  const frame = new Uint8Array(4 + length);
  new DataView(frame.buffer).setUint32(0, length);
  frame[4] = kind;
  frame.set(body, 5);
  return frame;
}

/** For frames of fixed, small content: handshake and pings. */
export function encodeControlFrame(kind: number, value: unknown): Uint8Array {
  const frame = encodeFrame(kind, value);
  assert(frame !== null, 'a control frame is small');
  return frame;
}

export type FeedResult = 'ok' | 'too-large' | 'empty-frame';

const initialBytes = 4096;

export class FrameReader {
  #buffer = new Uint8Array(initialBytes);
  #used = 0;
  #limit: number;
  #closed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Called once the peer is known. */
  raiseLimit(limit: number): void {
    this.#limit = limit;
  }

  /** No more frames are given out, not even those of the chunk that is being read. */
  close(): void {
    this.#closed = true;
    this.#buffer = new Uint8Array(0);
    this.#used = 0;
  }

  /** What is held now, for tests of the bound. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  /** Gives each complete frame to `take`, which may raise the limit or close the reader. */
  feed(chunk: Uint8Array, take: (frame: Frame) => void): FeedResult {
    if (this.#closed) return 'ok';
    this.#append(chunk);
    let offset = 0;
    let result: FeedResult = 'ok';
    while (!this.#closed && this.#used - offset >= 4) {
      const length = new DataView(this.#buffer.buffer, offset, 4).getUint32(0);
      if (length > this.#limit) result = 'too-large';
      else if (length === 0) result = 'empty-frame';
      if (result !== 'ok' || this.#used - offset < 4 + length) break;
      const body = this.#buffer.subarray(offset + 5, offset + 4 + length);
      take({ kind: this.#buffer[offset + 4] ?? 0, body });
      offset += 4 + length;
    }
    if (!this.#closed) this.#dropFirst(offset);
    return result;
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#used + chunk.length;
    if (needed > this.#buffer.length) {
      const doubled = Math.min(this.#buffer.length * 2, this.#limit + 4);
      const grown = new Uint8Array(Math.max(needed, doubled));
      grown.set(this.#buffer.subarray(0, this.#used));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#used);
    this.#used = needed;
  }

  #dropFirst(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#used);
    this.#used -= bytes;
    if (this.#buffer.length > initialBytes && this.#used <= initialBytes) {
      this.#buffer = this.#buffer.slice(0, initialBytes);
    }
  }
}
