/**
 * The connection to one peer: dialled by this side, used to send. It dials for ever with a backoff, shakes hands,
 * drains the peer's queue into the socket and pings. It must never hold more than the queue's bound plus one socket's
 * worth, whatever the peer does, and never gives a frame to a peer whose welcome it has not checked. A frame is given
 * to a socket at most once; nothing is ever sent again.
 */
import { connect, type Socket } from 'node:net';
import { errorMessage } from '../base/index.js';
import type { Channel, RpcPeer } from './types.js';
import { Backoff } from './backoff.js';
import { decode } from './codec.js';
import { encodeControlFrame, encodeFrame, frameKinds, FrameReader, kindOfChannel, type Frame } from './frames.js';
import { decodeRefusal, helloOf, judgeWelcome, type Identity } from './handshake.js';
import {
  backoffMinMs,
  handshakeBytesMax,
  handshakeTimeoutMs,
  pingIntervalMs,
  silentPingsMax,
  socketBytesMax,
} from './limits.js';
import { SendQueue } from './send-queue.js';

export interface OutgoingOptions extends Identity {
  readonly peer: RpcPeer;
  readonly nowMs: () => number;
  readonly log: (event: string, facts: Record<string, unknown>) => void;
  /** Any frame from the peer proves that it lives. */
  readonly onHeard: () => void;
  readonly onRefused: (reason: string, detail: string) => void;
}

type LinkState = 'stopped' | 'waiting' | 'dialling' | 'up';

export class OutgoingLink {
  readonly #options: OutgoingOptions;
  readonly #queue = new SendQueue();
  readonly #backoff = new Backoff();
  #state: LinkState = 'stopped';
  #socket: Socket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #redialAtMs = 0;
  #pingNonce = 0;
  /** Pings without an answer yet, oldest first: on a long way several are under way at once. */
  #pingsUnderWay: { readonly nonce: number; readonly sentMs: number }[] = [];
  #silentPings = 0;
  #roundTripMs: number | null = null;
  /** The last failure that was logged: a peer that is down for a day makes one line, not a hundred thousand. */
  #loggedFailure = '';

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  get queue(): Pick<SendQueue, 'droppedFrames' | 'waitingBytes' | 'waitingFrames'> {
    return this.#queue;
  }

  start(): void {
    if (this.#state === 'stopped') this.#dial();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#clearTimer();
    this.#socket?.destroy();
    this.#socket = null;
    this.#queue.clear();
  }

  send(channel: Channel, payload: unknown): void {
    const frame = encodeFrame(kindOfChannel(channel), payload);
    if (frame === null) {
      this.#queue.countDrop();
      this.#options.log('frame-too-large', { peer: this.#options.peer.id, channel });
      return;
    }
    this.#queue.add(channel, frame, this.#options.nowMs());
    this.#drain();
  }

  /** The peer has just dialled us, so it is there: do not sit out the rest of a long backoff. */
  dialSoon(): void {
    if (this.#state !== 'waiting' || this.#redialAtMs - this.#options.nowMs() <= backoffMinMs) return;
    this.#waitAndDial(backoffMinMs);
  }

  #dial(): void {
    const { peer } = this.#options;
    this.#state = 'dialling';
    const socket = connect({ host: peer.address.host, port: peer.address.port, noDelay: true, keepAlive: true });
    this.#socket = socket;
    const reader = new FrameReader(handshakeBytesMax);
    this.#clearTimer();
    this.#timer = setTimeout(() => this.#drop(socket, 'handshake-timed-out', ''), handshakeTimeoutMs);
    socket.on('connect', () => {
      const hello = helloOf(this.#options, peer.id);
      socket.write(encodeControlFrame(frameKinds.hello, hello));
    });
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      const fed = reader.feed(chunk, (frame) => {
        if (this.#socket === socket) this.#take(socket, frame);
      });
      if (fed !== 'ok') this.#drop(socket, 'bad-frame', fed);
    });
    socket.on('drain', () => this.#drain());
    socket.on('error', (error) => this.#drop(socket, 'connection-failed', errorMessage(error)));
    socket.on('close', () => this.#drop(socket, 'connection-closed', ''));
  }

  #take(socket: Socket, frame: Frame): void {
    if (this.#state === 'dialling') {
      this.#takeAnswer(socket, frame);
      return;
    }
    this.#options.onHeard();
    this.#silentPings = 0;
    // Other frames have no business on this connection, and are ignored so that a newer peer may send them.
    if (frame.kind === frameKinds.pong) this.#takePong(decode(frame.body)?.value);
  }

  #takePong(nonce: unknown): void {
    const answered = this.#pingsUnderWay.find((ping) => ping.nonce === nonce);
    if (answered === undefined) return;
    this.#pingsUnderWay = this.#pingsUnderWay.filter((ping) => ping.nonce > answered.nonce);
    this.#roundTripMs = this.#options.nowMs() - answered.sentMs;
    // Only now: a peer that says welcome and hangs up must not be dialled in a tight loop.
    this.#backoff.reset();
  }

  #takeAnswer(socket: Socket, frame: Frame): void {
    if (frame.kind === frameKinds.refused) {
      const refusal = decodeRefusal(frame.body);
      this.#options.onRefused(refusal.reason, refusal.detail);
      this.#drop(socket, `refused-${refusal.reason}`, refusal.detail);
      return;
    }
    const wrong = frame.kind === frameKinds.welcome
      ? judgeWelcome(this.#options, this.#options.peer.id, frame.body)
      : 'bad-welcome';
    if (wrong !== null) {
      this.#drop(socket, wrong, '');
      return;
    }
    this.#state = 'up';
    this.#loggedFailure = '';
    this.#silentPings = 0;
    this.#pingsUnderWay = [];
    this.#options.onHeard();
    this.#clearTimer();
    this.#timer = setInterval(() => this.#ping(socket), pingIntervalMs);
    this.#options.log('peer-connected', { peer: this.#options.peer.id });
    this.#ping(socket);
    this.#drain();
  }

  #ping(socket: Socket): void {
    if (this.#silentPings >= silentPingsMax) {
      this.#drop(socket, 'peer-silent', '');
      return;
    }
    this.#silentPings += 1;
    // Behind a full socket a ping would measure our own queue.
    if (socket.writableLength > socketBytesMax) return;
    this.#pingNonce += 1;
    this.#pingsUnderWay.push({ nonce: this.#pingNonce, sentMs: this.#options.nowMs() });
    if (this.#pingsUnderWay.length > silentPingsMax) this.#pingsUnderWay.shift();
    socket.write(encodeControlFrame(frameKinds.ping, this.#pingNonce));
  }

  #drain(): void {
    const socket = this.#socket;
    if (this.#state !== 'up' || socket === null) return;
    while (socket.writableLength < socketBytesMax) {
      const frame = this.#queue.next(this.#options.nowMs());
      if (frame === null) return;
      this.#gather(socket);
      socket.write(frame);
    }
  }

  /** What is sent in one turn of the event loop leaves as one write: each one wakes the peer, and costs both sides. */
  #gather(socket: Socket): void {
    if (socket.writableCorked > 0) return;
    socket.cork();
    setImmediate(() => socket.uncork());
  }

  #drop(socket: Socket, failure: string, detail: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    socket.destroy();
    this.#roundTripMs = null;
    if (failure !== this.#loggedFailure) {
      this.#loggedFailure = failure;
      const { peer } = this.#options;
      const address = `${peer.address.host}:${peer.address.port}`;
      this.#options.log('peer-disconnected', { peer: peer.id, address, reason: failure, detail });
    }
    this.#waitAndDial(this.#backoff.nextMs());
  }

  #waitAndDial(ms: number): void {
    this.#state = 'waiting';
    this.#clearTimer();
    this.#redialAtMs = this.#options.nowMs() + ms;
    this.#timer = setTimeout(() => this.#dial(), ms);
  }

  #clearTimer(): void {
    // One handle for timeouts and intervals alike: Node clears both with either function.
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
