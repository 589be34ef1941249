/** Unary gRPC calls over one kept HTTP/2 connection, by Node's own http2. No TLS: everything is on loopback. */
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { decodeGrpcMessage, encodeGrpcMessage } from './protobuf-codec.js';

export class GrpcClient {
  readonly #port: number;
  #session: ClientHttp2Session | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  /** The answer's message. Rejects when the status is not OK, the connection ends, or the time is over. */
  call(path: string, message: Uint8Array, withinMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const stream = this.#connected().request({
        ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers',
      });
      const chunks: Buffer[] = [];
      let status: unknown;
      let detail: unknown;
      const noteStatus = (headers: Record<string, unknown>): void => {
        status ??= headers['grpc-status'];
        detail ??= headers['grpc-message'];
      };
      // An answer without a message has its status among the headers.
      stream.on('response', noteStatus);
      stream.on('trailers', noteStatus);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), withinMs);
      stream.on('close', () => {
        clearTimeout(timer);
        if (status !== '0') {
          reject(new Error(`${path}: status ${String(status ?? 'none')} ${String(detail ?? '')}`));
          return;
        }
        try {
          resolve(decodeGrpcMessage(Buffer.concat(chunks)));
        } catch (thrown) {
          reject(thrown as Error);
        }
      });
      stream.end(encodeGrpcMessage(message));
    });
  }

  close(): void {
    this.#session?.destroy();
    this.#session = null;
  }

  #connected(): ClientHttp2Session {
    const known = this.#session;
    if (known !== null && !known.closed && !known.destroyed) return known;
    const socket = connectTcp({ host: '127.0.0.1', port: this.#port, noDelay: true });
    const session = connectHttp2(`http://127.0.0.1:${this.#port}`, { createConnection: () => socket });
    // Every call that was under way is told by its own stream.
    session.on('error', () => undefined);
    this.#session = session;
    return session;
  }
}
