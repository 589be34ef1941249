/**
 * How the benchmark's client talks to a hactl node of the benchmark over loopback: frames of 4 bytes of length (of what
 * follows), 4 bytes of the call's number, 1 byte that says what it is, then the body. hactl itself has no such door:
 * its proposals are made inside the leader's process.
 */
export const requestKinds = { propose: 1, echo: 2, status: 3, load: 4 } as const;
export const answerKinds = { done: 0, refused: 1 } as const;

export interface CallFrame {
  readonly call: number;
  readonly kind: number;
  readonly body: Uint8Array;
}

const headBytes = 9;

export function encodeCallFrame({ call, kind, body }: CallFrame): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + body.length);
  frame.writeUInt32BE(headBytes - 4 + body.length, 0);
  frame.writeUInt32BE(call, 4);
  frame[8] = kind;
  frame.set(body, headBytes);
  return frame;
}

/** Cuts a stream into frames; bodies are views of what was fed. */
export class CallFrameReader {
  #rest: Buffer = Buffer.alloc(0);

  feed(chunk: Buffer): readonly CallFrame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: CallFrame[] = [];
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      const body = bytes.subarray(at + headBytes, end);
      frames.push({ call: bytes.readUInt32BE(at + 4), kind: bytes[at + 8] ?? 0, body });
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}

/** A key and its value as one command: a byte with the key's length, the key, the value. */
export function encodePut(key: Uint8Array, value: Uint8Array): Uint8Array {
  const command = new Uint8Array(1 + key.length + value.length);
  command[0] = key.length;
  command.set(key, 1);
  command.set(value, 1 + key.length);
  return command;
}

export function decodePut(command: Uint8Array): { readonly key: Uint8Array; readonly value: Uint8Array } {
  const keyEnd = 1 + (command[0] ?? 0);
  return { key: command.subarray(1, keyEnd), value: command.subarray(keyEnd) };
}
