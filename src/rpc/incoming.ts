/**
 * Connections that peers dialled: receive-only, but for the handshake's answer and pongs. Bounded against anyone who
 * can reach the port: so many connections, so many bytes before the handshake, so much time for it, one connection per
 * peer (a newer one of the same store replaces a half-open older one), frames under the limit, nothing buffered for one
 * who does not read.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { assert, errorMessage, HactlError, type ManagerId, type ServerAddress } from '../base/index.js';
import type { Channel, Claim, PeerRefusal } from './types.js';
import { decode } from './codec.js';
import { channelOfKind, encodeControlFrame, frameKinds, FrameReader, type Frame } from './frames.js';
import { decodeHello, judgeHello, welcomeOf } from './handshake.js';
import type { Hello, HelloVerdict, Identity, Refusal } from './handshake.js';
import {
  frameBytesMax,
  handshakeBytesMax,
  handshakeTimeoutMs,
  incomingMax,
  pingIntervalMs,
  replyBytesMax,
  silentPingsMax,
} from './limits.js';

export interface IncomingOptions extends Identity {
  readonly listen: ServerAddress;
  readonly log: (event: string, facts: Record<string, unknown>) => void;
  readonly onHeard: (from: ManagerId) => void;
  readonly judge: (claim: Claim) => PeerRefusal | null;
  readonly onAccepted: (claim: Claim) => void;
  readonly onGone: (from: ManagerId) => void;
  readonly onPayload: (from: ManagerId, channel: Channel, payload: unknown) => void;
}

interface Connection {
  readonly socket: Socket;
  readonly reader: FrameReader;
  readonly address: string;
  /** Null until the handshake is done. */
  from: ManagerId | null;
  storeId: string | null;
  timer: NodeJS.Timeout | null;
  heardSinceCheck: boolean;
  silentChecks: number;
}

export class IncomingSide {
  readonly #options: IncomingOptions;
  readonly #connections = new Set<Connection>();
  /** All that are open, the refused ones too that are still reading their answer. */
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #lastRefusal = '';

  constructor(options: IncomingOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = incomingMax;
  }

  async start(): Promise<void> {
    const { host, port } = this.#options.listen;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => {
        reject(
          new HactlError(
            {
              code: 'bad-config',
              what: `cannot listen on ${host}:${port}`,
              why: errorMessage(error),
              next: 'check the address of this manager, and that no other manager runs with it',
            },
            { cause: error },
          ),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#server.off('error', failed);
        this.#server.on('error', (error) => this.#options.log('accept-failed', { reason: errorMessage(error) }));
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) this.#end(connection);
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** The port that was given when port 0 was asked for. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.listen.port;
  }

  /** What all connections hold, for tests of the bound. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { reader, socket } of this.#connections) bytes += reader.heldBytes + socket.writableLength;
    return bytes;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  #accept(socket: Socket): void {
    const connection: Connection = {
      socket,
      reader: new FrameReader(handshakeBytesMax),
      address: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`,
      from: null,
      storeId: null,
      timer: setTimeout(() => this.#refuse(connection, 'handshake-timed-out', ''), handshakeTimeoutMs),
      heardSinceCheck: false,
      silentChecks: 0,
    };
    this.#connections.add(connection);
    this.#sockets.add(socket);
    socket.on('data', (chunk: Buffer) => {
      if (!this.#connections.has(connection)) return;
      const fed = connection.reader.feed(chunk, (frame) => this.#take(connection, frame));
      if (fed !== 'ok') this.#refuse(connection, 'bad-frame', fed);
    });
    socket.on('error', () => this.#end(connection));
    socket.on('end', () => this.#end(connection));
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#end(connection);
    });
  }

  #take(connection: Connection, frame: Frame): void {
    if (connection.from === null) {
      this.#shakeHands(connection, frame);
      return;
    }
    connection.heardSinceCheck = true;
    this.#options.onHeard(connection.from);
    const decoded = decode(frame.body);
    if (decoded === null) {
      this.#refuse(connection, 'bad-frame', 'not decodable');
      return;
    }
    if (frame.kind === frameKinds.ping) {
      this.#reply(connection, frameKinds.pong, decoded.value);
      return;
    }
    const channel = channelOfKind(frame.kind);
    // A kind that we do not know is a newer peer's: ignored.
    if (channel !== null) this.#options.onPayload(connection.from, channel, decoded.value);
  }

  #shakeHands(connection: Connection, frame: Frame): void {
    const hello = frame.kind === frameKinds.hello ? decodeHello(frame.body) : null;
    const present = hello === null ? null : this.#connectionFrom(hello.from);
    const verdict = judgeHello(this.#options, hello, present);
    const refusal = this.#refusalOf(verdict, hello);
    if (verdict.kind === 'refused' || refusal !== null) {
      assert(refusal !== null, 'a refusal has a reason');
      this.#reply(connection, frameKinds.refused, refusal);
      this.#refuse(connection, refusal.reason, refusal.detail, hello?.from ?? null);
      return;
    }
    if (present !== null) this.#end(present);
    const { from, storeId } = verdict.hello;
    connection.from = from;
    connection.storeId = storeId;
    connection.reader.raiseLimit(frameBytesMax);
    if (connection.timer !== null) clearTimeout(connection.timer);
    connection.timer = setInterval(() => this.#checkAlive(connection), pingIntervalMs);
    this.#reply(connection, frameKinds.welcome, welcomeOf(this.#options, verdict.protocol));
    this.#lastRefusal = '';
    this.#options.onHeard(from);
    this.#options.onAccepted(verdict.hello);
  }

  /** That an id is in use says nothing about which of two is the right one; the log may know, and then it is final. */
  #refusalOf(verdict: HelloVerdict, hello: Hello | null): PeerRefusal | Refusal | null {
    if (verdict.kind === 'accepted') return this.#options.judge(verdict.hello);
    if (verdict.refusal.reason !== 'id-in-use' || hello === null) return verdict.refusal;
    return this.#options.judge(hello) ?? verdict.refusal;
  }

  /** It may dial again, and is judged anew. */
  endFrom(id: ManagerId): void {
    const connection = this.#connectionFrom(id);
    if (connection !== null) this.#end(connection);
  }

  #connectionFrom(id: ManagerId): Connection | null {
    for (const connection of this.#connections) if (connection.from === id) return connection;
    return null;
  }

  /** A peer pings all the time, so silence means that its end is gone without a word. */
  #checkAlive(connection: Connection): void {
    connection.silentChecks = connection.heardSinceCheck ? 0 : connection.silentChecks + 1;
    connection.heardSinceCheck = false;
    if (connection.silentChecks > silentPingsMax) this.#end(connection);
  }

  #reply(connection: Connection, kind: number, value: unknown): void {
    if (connection.socket.writableLength > replyBytesMax) return;
    // An answer echoes what it was sent, which may have been large.
    if (kind === frameKinds.pong && typeof value !== 'number') return;
    connection.socket.write(encodeControlFrame(kind, value));
  }

  /** `from`: who it says it is. */
  #refuse(connection: Connection, reason: string, detail: string, from: ManagerId | null = connection.from): void {
    if (!this.#connections.has(connection)) return;
    const text = `${from ?? ''} ${reason} ${detail}`;
    // A wrongly configured manager dials every second for ever; one line says it.
    if (text !== this.#lastRefusal) {
      this.#lastRefusal = text;
      this.#options.log('peer-refused', { address: connection.address, from, reason, detail });
    }
    this.#forget(connection);
    // The answer leaves with the end of the stream; one who does not read it is cut off by the handshake's time.
    connection.socket.end();
    const cut = setTimeout(() => connection.socket.destroy(), handshakeTimeoutMs);
    connection.socket.once('close', () => clearTimeout(cut));
    connection.socket.resume();
  }

  #end(connection: Connection): void {
    this.#forget(connection);
    connection.socket.destroy();
  }

  #forget(connection: Connection): void {
    if (connection.timer !== null) clearTimeout(connection.timer);
    connection.timer = null;
    connection.reader.close();
    if (!this.#connections.delete(connection) || connection.from === null) return;
    if (this.#connectionFrom(connection.from) === null) this.#options.onGone(connection.from);
  }
}
