/**
 * One hactl Raft node as a process, put together as create-manager.ts does it: the driver, the store on LevelDB, the
 * TCP transport. Beside it a door for the benchmark's client. Argument: NodeSetup as JSON. Ends by a signal.
 */
import { createServer, type Socket } from 'node:net';
import { randomInt } from 'node:crypto';
import { createPrng, managerId } from '../../src/base/index.js';
import { bootstrapMembership, createMessageTransport, createRaftNode, openStore } from '../../src/raft/index.js';
import { wireClusterId, type RaftNode, type StateMachine } from '../../src/raft/index.js';
import { createRpcNode } from '../../src/rpc/index.js';
import {
  answerKinds, CallFrameReader, decodePut, encodeCallFrame, encodePut, requestKinds, type CallFrame,
} from './client-frames.js';
import { keyOf, runLoad, valueOf } from './load.js';
import type { NodeLoad, NodeSetup } from './node-setup.js';

const proposeWithinMs = 5000;
/** So large that nothing is ever compacted: for the restart with a long log. */
const noSnapshots = { snapshotEntries: 2 ** 40, snapshotLogBytes: 2 ** 40 };
const nothing = new Uint8Array();

/** The latest value of each key. */
function createMachine(): StateMachine {
  const values = new Map<string, Uint8Array>();
  return {
    apply: ({ command }) => {
      const { key, value } = decodePut(command);
      values.set(Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1'), value);
      return null;
    },
    snapshot: () => [...values],
    restore: (data) => {
      values.clear();
      for (const [key, value] of data as [string, Uint8Array][]) values.set(key, value);
    },
  };
}

async function startNode(setup: NodeSetup): Promise<RaftNode> {
  const self = managerId(setup.id);
  const { meta, store } = await openStore(setup.directory, { managerId: self });
  const log = (event: string, facts: Record<string, unknown>): void => {
    process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
  };
  const addressOf = (port: number) => ({ host: '127.0.0.1', port });
  const peers = setup.members.filter(({ id }) => id !== setup.id)
    .map(({ id, rpcPort }) => ({ id: managerId(id), address: addressOf(rpcPort) }));
  const rpc = createRpcNode({
    clusterId: wireClusterId(meta), self, listen: addressOf(setup.rpcPort), peers, log, electionTimeoutMs: 1000,
  });
  const node = createRaftNode({
    id: self,
    bootstrap: bootstrapMembership(meta.voters),
    store,
    transport: createMessageTransport(
      {
        send: (to, channel, payload) => rpc.send(to, channel, payload),
        listen: (channel, listener) => rpc.on(channel, listener),
        onMalformed: (from) => log('malformed-message', { from }),
      },
      { own: () => store.generation, heard: () => undefined },
    ),
    stateMachine: createMachine(),
    prng: createPrng(randomInt(2 ** 47)),
    clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    ...(setup.takesSnapshots ? {} : { limits: noSnapshots }),
    log,
  });
  void node.halted.then((reason) => {
    log('halted', { reason });
    process.exit(1);
  });
  const openedFromMs = performance.now();
  await node.start();
  log('store-opened', { ms: performance.now() - openedFromMs, entries: node.status().lastIndex });
  await rpc.start();
  return node;
}

let serial = 0;
const sessionId = `bench-${process.pid}`;

async function propose(node: RaftNode, command: Uint8Array): Promise<void> {
  serial += 1;
  const outcome = await node.propose(command, { id: sessionId, serial }, proposeWithinMs);
  if (outcome.kind !== 'applied') throw new Error(outcome.kind);
}

/** Proposals from inside the leader's process, as hactl makes them. */
async function loadInside(node: RaftNode, { plan, valueBytes }: NodeLoad): Promise<unknown> {
  const value = valueOf(valueBytes);
  return runLoad(plan, (n) => propose(node, encodePut(keyOf(n), value)));
}

async function answer(node: RaftNode, { kind, body }: CallFrame): Promise<unknown> {
  switch (kind) {
    case requestKinds.propose:
      await propose(node, body);
      return null;
    case requestKinds.echo:
      return null;
    case requestKinds.status:
      return node.status();
    case requestKinds.load:
      return loadInside(node, JSON.parse(Buffer.from(body).toString()) as NodeLoad);
    default:
      throw new Error(`unknown request ${kind}`);
  }
}

function serve(node: RaftNode, socket: Socket): void {
  const reader = new CallFrameReader();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    for (const frame of reader.feed(chunk)) {
      const { call } = frame;
      answer(node, frame).then(
        (result) => {
          const body = result === null ? nothing : Buffer.from(JSON.stringify(result));
          socket.write(encodeCallFrame({ call, kind: answerKinds.done, body }));
        },
        (thrown: unknown) => {
          const body = Buffer.from(thrown instanceof Error ? thrown.message : String(thrown));
          socket.write(encodeCallFrame({ call, kind: answerKinds.refused, body }));
        },
      );
    }
  });
}

const setup = JSON.parse(process.argv[2] ?? '') as NodeSetup;
const node = await startNode(setup);
createServer({ noDelay: true }, (socket) => serve(node, socket)).listen({ host: '127.0.0.1', port: setup.clientPort });
