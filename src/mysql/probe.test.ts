/** The prober against sockets that play dead in every way. Real servers: test/integration/mysql-probe.test.ts. */
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Secret, type ProbeOutcome } from '../base/index.js';
import { createProber, type Prober, type ProberOptions } from './probe.js';

interface Report {
  readonly outcome: ProbeOutcome;
  readonly misses: number;
  readonly missingForMs: number;
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function listen(onConnection: (socket: net.Socket) => void): Promise<{ port: number; server: net.Server }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as net.AddressInfo).port, server };
}

function watch(port: number, given: Partial<ProberOptions> = {}): {
  prober: Prober;
  reports: Report[];
  next: () => Promise<Report>;
} {
  const reports: Report[] = [];
  const waiting: ((report: Report) => void)[] = [];
  let read = 0;
  const prober = createProber({
    address: { host: '127.0.0.1', port },
    user: 'u',
    password: () => new Secret('hunter2'),
    intervalMs: 60,
    timeoutMs: 100,
    onOutcome: (outcome, misses, missingForMs) => {
      const report = { outcome, misses, missingForMs };
      reports.push(report);
      const first = waiting.shift();
      if (first !== undefined) {
        read += 1;
        first(report);
      }
    },
    ...given,
  });
  ends.push(() => prober.stop());
  const next = (): Promise<Report> => {
    const ready = reports[read];
    if (ready !== undefined) {
      read += 1;
      return Promise.resolve(ready);
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
  return { prober, reports, next };
}

/** An error packet as a server sends it in place of its greeting. */
function errorPacket(errno: number, message: string): Buffer {
  const body = Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(message)]);
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]);
}

describe('a prober', () => {
  it('reports a closed port as refused, and counts the row of misses', async () => {
    const { port, server } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const { next } = watch(port);
    const first = await next();
    const second = await next();
    const third = await next();
    expect([first, second, third].map((report) => report.outcome.kind)).toEqual(['refused', 'refused', 'refused']);
    expect([first, second, third].map((report) => report.misses)).toEqual([1, 2, 3]);
    expect(third.missingForMs).toBeGreaterThan(second.missingForMs);
    expect(third.missingForMs).toBeGreaterThanOrEqual(100);
  });

  it('reports a socket that accepts and says nothing as hung', async () => {
    const { port } = await listen(() => undefined);
    const { outcome } = await watch(port).next();
    expect(outcome).toMatchObject({ kind: 'hung' });
  });

  it('reports a connection closed before the greeting as reset', async () => {
    const { port } = await listen((socket) => socket.destroy());
    const { outcome } = await watch(port).next();
    expect(outcome).toMatchObject({ kind: 'reset' });
  });

  it('takes any error of a server for life, and no row of misses begins', async () => {
    const { port } = await listen((socket) => socket.end(errorPacket(1040, 'Too many connections')));
    const report = await watch(port).next();
    expect(report.outcome).toMatchObject({ kind: 'alive', reason: 'too many connections' });
    expect(report).toMatchObject({ misses: 0, missingForMs: 0 });
  });

  it('does not vote when its secret is missing, and does not show it when it is there', async () => {
    const { port } = await listen(() => undefined);
    const { prober, next } = watch(port, {
      password: () => {
        throw new Error('file:/x is not there');
      },
    });
    const { outcome } = await next();
    expect(outcome).toEqual({ kind: 'unknown', detail: 'no password: file:/x is not there' });
    expect(await prober.probeNow()).toMatchObject({ kind: 'unknown' });
  });

  it('answers a confirming round from a new connection, within the deadline', async () => {
    let connections = 0;
    const { port } = await listen(() => {
      connections += 1;
    });
    const { prober } = watch(port, { intervalMs: 10_000 });
    const begunAt = performance.now();
    expect(await prober.probeNow()).toMatchObject({ kind: 'hung' });
    expect(performance.now() - begunAt).toBeLessThan(1000);
    expect(connections).toBe(2);
  });

  it('does not call a server hung when it was itself asleep at the deadline', async () => {
    const { port } = await listen(() => undefined);
    const { prober } = watch(port, { intervalMs: 10_000 });
    const probing = prober.probeNow();
    const blockUntil = performance.now() + 250;
    setTimeout(() => {
      while (performance.now() < blockUntil);
    }, 20);
    expect(await probing).toMatchObject({ kind: 'unknown', detail: expect.stringContaining('stalled') });
  });

  it('does not vote when the name of the host has no address', async () => {
    const { outcome } = await watch(3306, { address: { host: 'no-such-host.invalid', port: 3306 } }).next();
    expect(outcome.kind).toBe('unknown');
  });

  it('says nothing more after stop', async () => {
    const { port, server } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const { prober, reports, next } = watch(port, { intervalMs: 10 });
    await next();
    prober.stop();
    const seen = reports.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(reports.length).toBe(seen);
  });
});
