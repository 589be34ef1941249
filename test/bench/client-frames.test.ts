import { describe, expect, it } from 'vitest';
import { CallFrameReader, decodePut, encodeCallFrame, encodePut } from './client-frames.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('call frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    const frames = [
      { call: 1, kind: 1, body: text('first') },
      { call: 2 ** 32 - 1, kind: 3, body: new Uint8Array() },
      { call: 3, kind: 2, body: text('third') },
    ];
    const stream = Buffer.concat(frames.map(encodeCallFrame));
    for (const size of [1, 4, 10, stream.length]) {
      const reader = new CallFrameReader();
      const got = [];
      for (let at = 0; at < stream.length; at += size) got.push(...reader.feed(stream.subarray(at, at + size)));
      expect(got.map((frame) => ({ ...frame, body: Uint8Array.from(frame.body) })), `${size} at once`).toEqual(frames);
    }
  });
});

describe('a put', () => {
  it('is a key and a value', () => {
    const { key, value } = decodePut(encodePut(text('key'), text('value')));
    expect([Buffer.from(key).toString(), Buffer.from(value).toString()]).toEqual(['key', 'value']);
  });
});
