/**
 * As much of Protocol Buffers and of gRPC's framing as a few calls to etcd need: fields that are varints or bytes, one
 * uncompressed message per call. Varints are BigInt: etcd's member ids use all 64 bits.
 */

export type FieldValue = bigint | Uint8Array;
export type Fields = ReadonlyMap<number, FieldValue>;

const wireVarint = 0;
const wireFixed64 = 1;
const wireBytes = 2;
const wireFixed32 = 5;
const grpcHeaderBytes = 5;

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}

export function encodeFields(fields: readonly (readonly [number: number, value: FieldValue])[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    const wire = typeof value === 'bigint' ? wireVarint : wireBytes;
    const tag = varint(BigInt(number * 8 + wire));
    if (typeof value === 'bigint') parts.push(Uint8Array.from([...tag, ...varint(value)]));
    else parts.push(Uint8Array.from([...tag, ...varint(BigInt(value.length))]), value);
  }
  return Buffer.concat(parts);
}

/** Of a field that comes more than once, the last one is kept. Throws on bytes that are cut off. */
export function decodeFields(bytes: Uint8Array): Fields {
  const fields = new Map<number, FieldValue>();
  let at = 0;
  const take = (count: number): Uint8Array => {
    if (at + count > bytes.length) throw new Error('the message is cut off');
    at += count;
    return bytes.subarray(at - count, at);
  };
  const takeVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = take(1)[0] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error('a varint has more than ten bytes');
  };
  while (at < bytes.length) {
    const tag = Number(takeVarint());
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === wireVarint) fields.set(number, takeVarint());
    else if (wire === wireBytes) fields.set(number, take(Number(takeVarint())));
    else if (wire === wireFixed64) take(8);
    else if (wire === wireFixed32) take(4);
    else throw new Error(`field ${number} has the unknown wire type ${wire}`);
  }
  return fields;
}

/** A field that is missing has its default: proto3 does not send zeros. */
export function varintOf(fields: Fields, number: number): bigint {
  const value = fields.get(number);
  return typeof value === 'bigint' ? value : 0n;
}

export function bytesOf(fields: Fields, number: number): Uint8Array {
  const value = fields.get(number);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

/** One byte for the compression (none), four for the length, then the message. */
export function encodeGrpcMessage(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(grpcHeaderBytes + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, grpcHeaderBytes);
  return framed;
}

export function decodeGrpcMessage(framed: Uint8Array): Uint8Array {
  if (framed.length < grpcHeaderBytes) throw new Error('the frame is cut off');
  if (framed[0] !== 0) throw new Error('the message is compressed, which nobody asked for');
  const length = new DataView(framed.buffer, framed.byteOffset).getUint32(1);
  if (framed.length !== grpcHeaderBytes + length) throw new Error('not exactly one message');
  return framed.subarray(grpcHeaderBytes);
}
