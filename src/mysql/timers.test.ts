import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { expect, it } from 'vitest';
import { after } from './timers.js';

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** A peer in a process of its own: it answers while this one is stalled. */
const answering = `const server = require('node:net').createServer((socket) => socket.pipe(socket));
server.listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port)));
process.stdin.resume().on('end', () => process.exit());`;

it('lets an answer that arrived during a stall of this process be read before the deadline counts', async () => {
  const peer = spawn(process.execPath, ['-e', answering], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(peer.stdout, 'data')) as [Buffer];
  const socket = net.connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  const first = new Promise<string>((resolve) => {
    socket.on('data', () => resolve('answer'));
    after(40, () => resolve('deadline'));
  });
  socket.write('question');
  block(150);
  expect(await first).toBe('answer');
  socket.destroy();
  peer.stdin.end();
  await once(peer, 'exit');
});

it('does not call back once it is cancelled, even when the time is already up', async () => {
  let isCalled = false;
  const timeout = after(1, () => {
    isCalled = true;
  });
  // Due right after it in the same turn: by then its time is up, and its callback waits for the sockets to be read.
  const turn = new Promise<void>((resolve) => setTimeout(resolve, 1));
  block(10);
  await turn;
  timeout.cancel();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isCalled).toBe(false);
});
