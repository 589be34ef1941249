/** Three hactl Raft nodes in three processes, on new stores, and the client's way to them. */
import { rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { managerId } from '../../src/base/index.js';
import { initStore } from '../../src/raft/index.js';
import { freePort } from '../support/ports.js';
import { answerKinds, CallFrameReader, encodeCallFrame, encodePut, requestKinds } from './client-frames.js';
import type { LoadPlan, LoadResult } from './load.js';
import type { Member, MemberStatus, Trio } from './member.js';
import { MemberProcess } from './member-process.js';
import type { NodeLoad, NodeSetup } from './node-setup.js';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const statusWithinMs = 1000;

/** As built code, like the manager that people run: a loader of TypeScript would count in the time of a restart. */
export async function buildRaftNode(): Promise<string> {
  const outfile = join(root, '.cache', 'bench', `raft-node-${process.pid}.mjs`);
  await build({
    entryPoints: [join(root, 'test/bench/raft-node.ts')],
    outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'error',
  });
  process.once('exit', () => rmSync(outfile, { force: true }));
  return outfile;
}

interface Waiting {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** One kept connection; calls on it are answered in any order. */
class NodeClient {
  readonly #port: number;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Socket | null = null;
  #lastCall = 0;

  constructor(port: number) {
    this.#port = port;
  }

  call(kind: number, body: Uint8Array, withinMs: number): Promise<Uint8Array> {
    return new Promise((resolve_, reject) => {
      this.#lastCall += 1;
      const call = this.#lastCall;
      const timer = setTimeout(() => this.#take(call)?.reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
      this.#waiting.set(call, { resolve: resolve_, reject, timer });
      this.#connected().write(encodeCallFrame({ call, kind, body }));
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
    for (const call of [...this.#waiting.keys()]) this.#take(call)?.reject(new Error('the connection ended'));
  }

  #take(call: number): Waiting | null {
    const waiting = this.#waiting.get(call);
    if (waiting === undefined) return null;
    clearTimeout(waiting.timer);
    this.#waiting.delete(call);
    return waiting;
  }

  #connected(): Socket {
    if (this.#socket !== null) return this.#socket;
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    this.#socket = socket;
    const reader = new CallFrameReader();
    socket.on('data', (chunk: Buffer) => {
      for (const { call, kind, body } of reader.feed(chunk)) {
        const waiting = this.#take(call);
        if (kind === answerKinds.done) waiting?.resolve(body);
        else waiting?.reject(new Error(Buffer.from(body).toString()));
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.close();
    });
    return socket;
  }
}

export class HactlMember implements Member {
  readonly name: string;
  readonly #client: NodeClient;
  readonly #process: MemberProcess;

  constructor(nodePath: string, setup: NodeSetup) {
    this.name = `hactl ${setup.id}`;
    this.#client = new NodeClient(setup.clientPort);
    this.#process = new MemberProcess(process.execPath, [nodePath, JSON.stringify(setup)], `${setup.directory}.log`);
  }

  get pid(): number {
    return this.#process.pid;
  }

  start(): void {
    this.#process.start();
  }

  async put(key: Uint8Array, value: Uint8Array, withinMs: number): Promise<void> {
    await this.#client.call(requestKinds.propose, encodePut(key, value), withinMs);
  }

  async roundTrip(): Promise<void> {
    await this.#client.call(requestKinds.echo, new Uint8Array(), statusWithinMs);
  }

  async status(): Promise<MemberStatus | null> {
    const body = await this.#client.call(requestKinds.status, new Uint8Array(), statusWithinMs).catch(() => null);
    if (body === null) {
      this.#process.checkAlive();
      return null;
    }
    const { role, appliedIndex } = JSON.parse(Buffer.from(body).toString()) as { role: string; appliedIndex: number };
    return { isLeader: role === 'leader', appliedIndex };
  }

  /** Proposals from inside its process. */
  async loadInside(plan: LoadPlan, valueBytes: number): Promise<LoadResult> {
    const body = Buffer.from(JSON.stringify({ plan, valueBytes } satisfies NodeLoad));
    const result = await this.#client.call(requestKinds.load, body, plan.warmUpMs + plan.measureMs + 10_000);
    return JSON.parse(Buffer.from(result).toString()) as LoadResult;
  }

  async kill(): Promise<void> {
    await this.#process.kill();
    this.#client.close();
  }
}

export type HactlTrio = Trio<HactlMember>;

export async function startHactlTrio(directory: string, nodePath: string, takesSnapshots: boolean): Promise<HactlTrio> {
  const ids = ['m1', 'm2', 'm3'];
  const members: { id: string; rpcPort: number; clientPort: number }[] = [];
  for (const id of ids) members.push({ id, rpcPort: await freePort(), clientPort: await freePort() });
  const started: HactlMember[] = [];
  for (const member of members) {
    const own = join(directory, member.id);
    await initStore(own, { clusterId: 'bench', managerId: managerId(member.id), voters: ids.map(managerId) });
    started.push(new HactlMember(nodePath, { ...member, directory: own, members, takesSnapshots }));
  }
  for (const member of started) member.start();
  return {
    members: started,
    stopAll: async () => void await Promise.all(started.map((member) => member.kill())),
  };
}
