import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePorts } from './free-ports.js';
import { managerId, type ManagerId } from '../../src/base/index.js';
import { decode } from '../../src/rpc/codec.js';
import { encodeControlFrame, frameKinds, FrameReader } from '../../src/rpc/frames.js';
import { createRpcNode, frameBytesMax, type About, type RpcOptions, type TcpRpcNode } from '../../src/rpc/index.js';
import { handshakeBytesMax, incomingMax, queueBytesMax, socketBytesMax } from '../../src/rpc/limits.js';

const [m1, m2, m3] = [managerId('m1'), managerId('m2'), managerId('m3')];
interface Logged {
  readonly event: string;
  readonly facts: Record<string, unknown>;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const aboutStore = (storeId: string, storeGeneration = 1): About =>
  ({ storeId, storeGeneration, rpc: null, http: null, reducerMax: 1 });
const addressOf = (port: number) => ({ host: '127.0.0.1', port });

async function startNode(
  self: ManagerId,
  port: number,
  peers: Record<string, number>,
  clusterId = 'cluster',
  more: Partial<RpcOptions> = {},
): Promise<{ node: TcpRpcNode; logged: Logged[] }> {
  const logged: Logged[] = [];
  const node = createRpcNode({
    clusterId,
    self,
    listen: addressOf(port),
    peers: Object.entries(peers).map(([id, peerPort]) => ({ id: managerId(id), address: addressOf(peerPort) })),
    log: (event, facts) => logged.push({ event, facts }),
    ...more,
  });
  await node.start();
  cleanups.push(() => node.stop());
  return { node, logged };
}

const reasonsIn = (logged: readonly Logged[]): unknown[] => logged.map(({ facts }) => facts.reason);
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 10 });

/** A peer made by hand. */
async function dial(port: number): Promise<{ socket: Socket; frames: [number, unknown][]; closed: Promise<void> }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  const frames: [number, unknown][] = [];
  const reader = new FrameReader(frameBytesMax);
  socket.on('data', (chunk: Buffer) => {
    reader.feed(chunk, ({ kind, body }) => frames.push([kind, decode(body)?.value]));
  });
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  await new Promise<void>((resolve) => socket.on('connect', () => resolve()));
  return { socket, frames, closed };
}

const hello = (parts: Record<string, unknown> = {}): Uint8Array =>
  encodeControlFrame(frameKinds.hello, {
    magic: 'hactl', protocolMin: 1, protocolMax: 1, clusterId: 'cluster', from: 'm2', to: 'm1', ...parts,
  });

describe('the transport', () => {
  it('carries plain data both ways, knows who is reachable, and measures round trips', async () => {
    const [p1 = 0, p2 = 0] = await freePorts(2);
    const { node: one } = await startNode(m1, p1, { m2: p2 });
    expect(one.peers()).toEqual([{ id: m2, reachable: false, lastHeardMs: null, roundTripMs: null }]);
    const { node: two } = await startNode(m2, p2, { m1: p1 });
    const heard: unknown[] = [];
    one.on('ha', (from, payload) => heard.push([from, payload]));
    two.on('raft', (from, payload) => heard.push([from, payload]));
    await eventually(() => expect(one.peers()[0]?.roundTripMs).not.toBeNull());
    await eventually(() => expect(two.peers()[0]?.reachable).toBe(true));
    one.send(m2, 'raft', { bytes: new Uint8Array([1, 2]), text: 'é', no: null });
    two.send(m1, 'ha', [1, 2.5, 2 ** 52]);
    await eventually(() => expect(heard).toHaveLength(2));
    expect(heard).toContainEqual([m1, { bytes: Buffer.from([1, 2]), text: 'é', no: null }]);
    expect(heard).toContainEqual([m2, [1, 2.5, 2 ** 52]]);
  });

  it('finds a restarted peer again at once, and reports a stopped one as unreachable', async () => {
    const [p1 = 0, p2 = 0] = await freePorts(2);
    const { node: one } = await startNode(m1, p1, { m2: p2 });
    const { node: two } = await startNode(m2, p2, { m1: p1 });
    await eventually(() => expect(one.peers()[0]?.reachable).toBe(true));
    await two.stop();
    await eventually(() => expect(one.peers()[0]?.reachable).toBe(false));
    const { node: again } = await startNode(m2, p2, { m1: p1 });
    const startedMs = performance.now();
    const heard: unknown[] = [];
    again.on('raft', (_from, payload) => heard.push(payload));
    await eventually(() => expect(one.peers()[0]?.roundTripMs).not.toBeNull());
    expect(performance.now() - startedMs).toBeLessThan(900);
    one.send(m2, 'raft', 'hello again');
    await eventually(() => expect(heard).toEqual(['hello again']));
  });

  it('refuses another cluster, on both sides, with a reason', async () => {
    const [p1 = 0, p2 = 0] = await freePorts(2);
    const { node: one, logged: at1 } = await startNode(m1, p1, { m2: p2 }, 'staging');
    const { logged: at2 } = await startNode(m2, p2, { m1: p1 }, 'production');
    await eventually(() => expect(reasonsIn(at1)).toContain('refused-wrong-cluster'));
    await eventually(() => expect(reasonsIn(at2)).toContain('wrong-cluster'));
    expect(at2.find(({ event }) => event === 'peer-refused')?.facts).toMatchObject({ from: 'm1' });
    expect(one.peers()[0]).toMatchObject({ reachable: false, lastHeardMs: null });
  });

  it('refuses to be taken for another manager', async () => {
    const [p1 = 0, p2 = 0] = await freePorts(2);
    const { node: one, logged: at1 } = await startNode(m1, p1, { m3: p2 });
    const { logged: at2 } = await startNode(m2, p2, {});
    await eventually(() => expect(reasonsIn(at1)).toContain('refused-wrong-receiver'));
    expect(reasonsIn(at2)).toContain('wrong-receiver');
    expect(one.peers()[0]).toMatchObject({ id: m3, reachable: false, lastHeardMs: null });
  });

  it.each([
    ['an unknown protocol', hello({ protocolMin: 7, protocolMax: 9 }), 'protocol-version'],
    ['its own id', hello({ from: 'm1' }), 'own-id'],
    ['another election timeout', hello({ electionTimeoutMs: 500 }), 'other-timing'],
    ['a store id that is no text', hello({ storeId: 7 }), 'bad-hello'],
    ['no hello', encodeControlFrame(16, 'payload'), 'bad-hello'],
    ['a hello without fields', encodeControlFrame(frameKinds.hello, { magic: 'hactl' }), 'bad-hello'],
  ])('refuses %s, and says so to the caller', async (_what, bytes, reason) => {
    const [p1 = 0] = await freePorts(1);
    const { node, logged } = await startNode(m1, p1, {}, 'cluster', { electionTimeoutMs: 1000 });
    const heard: unknown[] = [];
    node.on('raft', (_from, payload) => heard.push(payload));
    const { socket, frames, closed } = await dial(p1);
    socket.write(bytes);
    await closed;
    expect(frames).toEqual([[frameKinds.refused, expect.objectContaining({ reason })]]);
    expect(reasonsIn(logged)).toContain(reason);
    expect(heard).toEqual([]);
  });

  it('says to a build that has no version of the protocol in common which ones there are', async () => {
    const [p1 = 0] = await freePorts(1);
    await startNode(m1, p1, {});
    const { socket, frames, closed } = await dial(p1);
    socket.write(hello({ protocolMin: 7, protocolMax: 9 }));
    await closed;
    const detail = 'the build of m2 speaks versions 7 to 9 of the protocol, that of m1 1 to 1';
    expect(frames).toEqual([[frameKinds.refused, { reason: 'protocol-version', detail }]]);
  });

  it('closes a connection that announces too much, before and after the handshake', async () => {
    const [p1 = 0] = await freePorts(1);
    const { node, logged } = await startNode(m1, p1, {});
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, handshakeBytesMax + 1);
    const early = await dial(p1);
    early.socket.write(header);
    await early.closed;
    const late = await dial(p1);
    late.socket.write(hello());
    await eventually(() => expect(late.frames.map(([kind]) => kind)).toEqual([frameKinds.welcome]));
    new DataView(header.buffer).setUint32(0, frameBytesMax + 1);
    late.socket.write(header);
    await late.closed;
    expect(reasonsIn(logged)).toContain('bad-frame');
    expect(node.stats().incomingConnections).toBe(0);
  });

  it('closes a connection whose frame is nested beyond the stack', async () => {
    const [p1 = 0] = await freePorts(1);
    await startNode(m1, p1, {});
    const { socket, closed } = await dial(p1);
    const body = Buffer.alloc(900_000, 0x91);
    const header = Buffer.alloc(5);
    header.writeUInt32BE(body.length + 1);
    header[4] = 16;
    socket.write(Buffer.concat([hello(), header, body]));
    await closed;
  });

  it('does not wait for a caller who says nothing, nor takes more callers than its limit', async () => {
    const [p1 = 0] = await freePorts(1);
    const { node } = await startNode(m1, p1, {});
    const silent = await Promise.all(Array.from({ length: incomingMax + 8 }, () => dial(p1)));
    expect(node.stats().incomingConnections).toBeLessThanOrEqual(incomingMax);
    await Promise.all(silent.map(({ closed }) => closed));
    await eventually(() => expect(node.stats().incomingConnections).toBe(0));
  });

  it('keeps one connection per peer: a newer one replaces the older', async () => {
    const [p1 = 0] = await freePorts(1);
    const { node } = await startNode(m1, p1, {});
    const first = await dial(p1);
    first.socket.write(hello());
    await eventually(() => expect(first.frames).toHaveLength(1));
    const second = await dial(p1);
    second.socket.write(hello());
    await first.closed;
    expect(node.stats().incomingConnections).toBe(1);
  });

  it('tells the second one what is final about it, rather than that its id is in use', async () => {
    const [p1 = 0] = await freePorts(1);
    const judge = ({ storeId }: { readonly storeId: string | null }) =>
      storeId === 'two' ? { reason: 'other-store' as const, detail: 'it joined with another' } : null;
    await startNode(m1, p1, {}, 'cluster', { about: () => aboutStore('own'), judge });
    const first = await dial(p1);
    first.socket.write(hello({ storeId: 'one' }));
    await eventually(() => expect(first.frames).toHaveLength(1));
    const second = await dial(p1);
    second.socket.write(hello({ storeId: 'two' }));
    await second.closed;
    expect(second.frames).toEqual([[frameKinds.refused, expect.objectContaining({ reason: 'other-store' })]]);
  });

  it('refuses a second manager with the id of one that is connected, until that one is gone', async () => {
    const [p1 = 0] = await freePorts(1);
    const { node, logged } = await startNode(m1, p1, {}, 'cluster', { about: () => aboutStore('own') });
    const first = await dial(p1);
    first.socket.write(hello({ storeId: 'one' }));
    await eventually(() => expect(first.frames).toHaveLength(1));
    const second = await dial(p1);
    second.socket.write(hello({ storeId: 'two' }));
    await second.closed;
    expect(second.frames).toEqual([[frameKinds.refused, expect.objectContaining({ reason: 'id-in-use' })]]);
    const facts = logged.find(({ event }) => event === 'peer-refused')?.facts;
    expect(facts).toMatchObject({ reason: 'id-in-use', detail: expect.stringContaining('m2') as string });
    // The first one is not disturbed, and may come again.
    const again = await dial(p1);
    again.socket.write(hello({ storeId: 'one' }));
    await first.closed;
    expect(again.frames.map(([kind]) => kind)).toEqual([frameKinds.welcome]);
    again.socket.destroy();
    await eventually(() => expect(node.stats().incomingConnections).toBe(0));
    const anew = await dial(p1);
    anew.socket.write(hello({ storeId: 'two' }));
    await eventually(() => expect(anew.frames.map(([kind]) => kind)).toEqual([frameKinds.welcome]));
  });

  it('refuses a manager with another election timeout, on both sides, and takes one with the same', async () => {
    const [p1 = 0, p2 = 0, p3 = 0] = await freePorts(3);
    const timed = (electionTimeoutMs: number, storeId: string) => ({ electionTimeoutMs, storeId });
    const all = { m1: p1, m2: p2, m3: p3 };
    const without = (id: 'm1' | 'm2' | 'm3') => Object.fromEntries(Object.entries(all).filter(([peer]) => peer !== id));
    const { node: one, logged: at1 } = await startNode(m1, p1, without('m1'), 'cluster', timed(1000, 'a'));
    const { logged: at2 } = await startNode(m2, p2, without('m2'), 'cluster', timed(500, 'b'));
    await startNode(m3, p3, without('m3'), 'cluster', timed(1000, 'c'));
    for (const logged of [at1, at2]) {
      await eventually(() => expect(reasonsIn(logged)).toContain('refused-other-timing'));
      await eventually(() => expect(reasonsIn(logged)).toContain('other-timing'));
    }
    await eventually(() => expect(one.peers().map(({ reachable }) => reachable)).toEqual([false, true]));
  });

  it('holds a bounded amount for a peer that reads nothing, and drops the oldest', async () => {
    const [p1 = 0, p2 = 0] = await freePorts(2);
    const { createServer } = await import('node:net');
    // Says welcome, then never reads again.
    const deaf = createServer((socket) => {
      socket.once('data', () => {
        socket.pause();
        const welcome = { magic: 'hactl', protocol: 1, clusterId: 'cluster', from: 'm2' };
        socket.write(encodeControlFrame(frameKinds.welcome, welcome));
      });
      socket.on('error', () => undefined);
      cleanups.push(() => socket.destroy());
    });
    await new Promise<void>((resolve) => deaf.listen(p2, '127.0.0.1', resolve));
    cleanups.push(() => deaf.close());
    const { node, logged } = await startNode(m1, p1, { m2: p2 });
    await eventually(() => expect(logged.map(({ event }) => event)).toContain('peer-connected'));
    const payload = new Uint8Array(100_000);
    for (let n = 0; n < 300; n += 1) {
      node.send(m2, 'raft', payload);
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { waitingBytes, droppedFrames } = node.stats();
    expect(waitingBytes).toBeLessThanOrEqual(queueBytesMax + socketBytesMax);
    expect(droppedFrames).toBeGreaterThan(100);
  });

  it('drops what is too large or for nobody, and counts it', async () => {
    const [p1 = 0, p2 = 0] = await freePorts(2);
    const { node, logged } = await startNode(m1, p1, { m2: p2 });
    node.send(m2, 'ha', new Uint8Array(frameBytesMax));
    node.send(m3, 'ha', 1);
    expect(node.stats().droppedFrames).toBe(2);
    expect(logged.map(({ event }) => event)).toContain('frame-too-large');
  });

  it('says which address it cannot listen on', async () => {
    const [p1 = 0] = await freePorts(1);
    await startNode(m1, p1, {});
    await expect(startNode(m2, p1, {})).rejects.toMatchObject({ code: 'bad-config' });
  });
});
