import { crc32 as zlibCrc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { crc32 } from './crc32.js';

it('is the CRC of zlib', () => {
  for (const text of ['', 'a', '123456789', 'x'.repeat(1000)]) {
    const bytes = new TextEncoder().encode(text);
    expect(crc32(bytes)).toBe(zlibCrc32(bytes));
  }
});
