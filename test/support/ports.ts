/**
 * Free TCP ports for servers that tests start, kill and start again. They lie below the range from which the kernel
 * takes the ports of outgoing connections (32768 and up): a port of that range could be taken by any client while
 * its server is down, and the restart would fail.
 */
import { createServer } from 'node:net';

const firstPort = 18_000;
const lastPort = 31_999;
const taken = new Set<number>();

export async function freePort(): Promise<number> {
  for (let round = 0; round < 200; round += 1) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new Error('no free port found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => { resolve(false); });
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => { resolve(true); }));
  });
}
