import { describe, expect, it } from 'vitest';
import {
  bytesOf, decodeFields, decodeGrpcMessage, encodeFields, encodeGrpcMessage, varintOf,
} from './protobuf-codec.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('protobuf', () => {
  it('encodes as the documentation\'s examples do', () => {
    expect(encodeFields([[1, 150n]]).toString('hex')).toBe('089601');
    expect(encodeFields([[2, text('testing')]]).toString('hex')).toBe('120774657374696e67');
  });

  it('encodes etcd\'s PutRequest: key 1, value 2', () => {
    expect(encodeFields([[1, text('k')], [2, text('v')]]).toString('hex')).toBe('0a016b120176');
  });

  it('reads what it wrote: all 64 bits, long bytes, high field numbers', () => {
    const long = new Uint8Array(300).fill(7);
    const fields = decodeFields(encodeFields([[1, 2n ** 64n - 1n], [16, long], [3, 0n]]));
    expect(varintOf(fields, 1)).toBe(2n ** 64n - 1n);
    expect(Buffer.compare(bytesOf(fields, 16), long)).toBe(0);
    expect(fields.get(3)).toBe(0n);
  });

  it('gives the default of a field that is not there, and passes over what it has no use for', () => {
    const fields = decodeFields(Buffer.from('0d01020304' + '110102030405060708' + '1801', 'hex'));
    expect([varintOf(fields, 1), varintOf(fields, 2), varintOf(fields, 3)]).toEqual([0n, 0n, 1n]);
    expect(bytesOf(fields, 9)).toHaveLength(0);
  });

  it.each(['08', '12056162', '0b', `08${'ff'.repeat(10)}01`])('refuses %s', (hex) => {
    expect(() => decodeFields(Buffer.from(hex, 'hex'))).toThrow();
  });
});

describe('a gRPC message', () => {
  it('has five bytes before it', () => {
    expect(encodeGrpcMessage(text('ab')).toString('hex')).toBe('00000000026162');
    expect(Buffer.from(decodeGrpcMessage(encodeGrpcMessage(text('ab')))).toString()).toBe('ab');
  });

  it.each(['000000', '0000000003616', '01000000026162', '0000000002616200'])('is not %s', (hex) => {
    expect(() => decodeGrpcMessage(Buffer.from(hex, 'hex'))).toThrow();
  });
});
