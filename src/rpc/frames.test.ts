import { describe, expect, it } from 'vitest';
import { decode } from './codec.js';
import { channelOfKind, encodeFrame, FrameReader, kindOfChannel } from './frames.js';
import { frameBytesMax } from './limits.js';

function feedAll(reader: FrameReader, chunks: readonly Uint8Array[]): unknown[] {
  const values: unknown[] = [];
  for (const chunk of chunks) {
    reader.feed(chunk, (frame) => values.push([frame.kind, decode(frame.body)?.value]));
  }
  return values;
}

const frame = (value: unknown): Uint8Array => encodeFrame(16, value) ?? new Uint8Array();

describe('frames', () => {
  it('come out whole however the stream is cut', () => {
    const stream = Buffer.concat([frame({ a: 1 }), frame('x'.repeat(9000)), frame(null)]);
    for (const size of [1, 3, 7, 4096, stream.length]) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
      const values = feedAll(new FrameReader(frameBytesMax), chunks);
      expect(values).toEqual([[16, { a: 1 }], [16, 'x'.repeat(9000)], [16, null]]);
    }
  });

  it('are refused by their length before a byte of the body arrived', () => {
    const header = new Uint8Array([0x7f, 0xff, 0xff, 0xff]);
    expect(new FrameReader(frameBytesMax).feed(header, () => undefined)).toBe('too-large');
    expect(new FrameReader(frameBytesMax).feed(new Uint8Array(4), () => undefined)).toBe('empty-frame');
  });

  it('cost no more memory than the bytes that came, whatever length was announced', () => {
    const reader = new FrameReader(frameBytesMax);
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, frameBytesMax);
    reader.feed(header, () => undefined);
    for (let sent = 0; sent < 1000; sent += 1) reader.feed(new Uint8Array(1), () => undefined);
    expect(reader.heldBytes).toBeLessThan(10_000);
  });

  it('give their memory back after a large one', () => {
    const reader = new FrameReader(frameBytesMax);
    expect(feedAll(reader, [frame('y'.repeat(500_000))])).toHaveLength(1);
    expect(reader.heldBytes).toBeLessThan(10_000);
  });

  it('stop after the reader was closed in the middle of a chunk', () => {
    const reader = new FrameReader(frameBytesMax);
    const values: unknown[] = [];
    reader.feed(Buffer.concat([frame(1), frame(2)]), (taken) => {
      values.push(decode(taken.body)?.value);
      reader.close();
    });
    expect(values).toEqual([1]);
  });

  it('are not made above the limit', () => {
    expect(encodeFrame(16, 'z'.repeat(frameBytesMax))).toBeNull();
  });

  it('carry their channel as kind', () => {
    expect(channelOfKind(kindOfChannel('raft'))).toBe('raft');
    expect(channelOfKind(kindOfChannel('ha'))).toBe('ha');
    expect(channelOfKind(1)).toBeNull();
    expect(channelOfKind(99)).toBeNull();
  });
});

describe('the codec', () => {
  it('answers null instead of throwing on hostile bytes', () => {
    expect(decode(Buffer.alloc(1_000_000, 0x91))).toBeNull();
    expect(decode(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]))).toBeNull();
    expect(decode(new Uint8Array())).toBeNull();
    expect(decode(Buffer.from([1, 2]))).toBeNull();
  });

  it('keeps no state that a hostile frame could leave behind for the next one', () => {
    decode(Buffer.from([0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1]));
    expect(decode(Buffer.from([0x92, 0x40, 0x41]))?.value).toEqual([0x40, 0x41]);
  });

  it('copies decoded bytes out of the buffer they came in', () => {
    const bytes = Buffer.from(frame(new Uint8Array([1, 2, 3])).subarray(5));
    const value = decode(bytes)?.value as Uint8Array;
    bytes.fill(9);
    expect([...value]).toEqual([1, 2, 3]);
  });
});
