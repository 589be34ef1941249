/** Three etcd members with their defaults, on new data directories, and the client's way to them (gRPC). */
import { join } from 'node:path';
import { freePort } from '../support/ports.js';
import { GrpcClient } from './grpc-client.js';
import type { Member, MemberStatus, Trio } from './member.js';
import { MemberProcess } from './member-process.js';
import { bytesOf, decodeFields, encodeFields, varintOf } from './protobuf-codec.js';

/** How it is started: `command prefix... options`. Made by scripts/lib/etcd.mjs. */
export interface EtcdProgram {
  readonly command: string;
  readonly prefix: readonly string[];
  readonly version: string;
  readonly origin: string;
}

interface MemberPorts {
  readonly id: string;
  readonly clientPort: number;
  readonly peerPort: number;
}

const statusWithinMs = 1000;
const paths = {
  put: '/etcdserverpb.KV/Put', range: '/etcdserverpb.KV/Range', status: '/etcdserverpb.Maintenance/Status',
} as const;
/** Numbers of fields in etcd's rpc.proto. */
const putKey = 1;
const putValue = 2;
const rangeKey = 1;
const rangeIsSerializable = 7;
const statusHeader = 1;
const headerMemberId = 2;
const statusLeader = 4;
const statusAppliedIndex = 7;

export class EtcdMember implements Member {
  readonly name: string;
  readonly #clientPort: number;
  readonly #client: GrpcClient;
  readonly #process: MemberProcess;

  constructor(program: EtcdProgram, ports: MemberPorts, directory: string, args: readonly string[]) {
    this.name = `etcd ${ports.id}`;
    this.#clientPort = ports.clientPort;
    this.#client = new GrpcClient(ports.clientPort);
    // Its own variables would change what is compared.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD_')));
    const { command, prefix } = program;
    this.#process = new MemberProcess(command, [...prefix, ...args], `${directory}.log`, env);
  }

  get pid(): number {
    return this.#process.pid;
  }

  start(): void {
    this.#process.start();
  }

  async put(key: Uint8Array, value: Uint8Array, withinMs: number): Promise<void> {
    await this.#client.call(paths.put, encodeFields([[putKey, key], [putValue, value]]), withinMs);
  }

  /** A serializable read of a key that is not there: answered by this member alone. */
  async roundTrip(): Promise<void> {
    const request = encodeFields([[rangeKey, new TextEncoder().encode('none')], [rangeIsSerializable, 1n]]);
    await this.#client.call(paths.range, request, statusWithinMs);
  }

  async status(): Promise<MemberStatus | null> {
    const message = await this.#client.call(paths.status, new Uint8Array(), statusWithinMs).catch(() => null);
    if (message === null) {
      this.#process.checkAlive();
      return null;
    }
    const fields = decodeFields(message);
    const memberId = varintOf(decodeFields(bytesOf(fields, statusHeader)), headerMemberId);
    return {
      isLeader: memberId !== 0n && memberId === varintOf(fields, statusLeader),
      appliedIndex: Number(varintOf(fields, statusAppliedIndex)),
    };
  }

  /** Of all puts so far: how many it has answered, and the seconds it spent on them, by its own count. */
  async putsHandled(): Promise<{ readonly count: number; readonly seconds: number }> {
    const text = await (await fetch(`http://127.0.0.1:${this.#clientPort}/metrics`)).text();
    return {
      count: metricOf(text, 'grpc_server_handling_seconds_count', 'Put'),
      seconds: metricOf(text, 'grpc_server_handling_seconds_sum', 'Put'),
    };
  }

  async kill(): Promise<void> {
    await this.#process.kill();
    this.#client.close();
  }
}

/** The value of a metric of one gRPC method in Prometheus' text; 0 when it is not there yet. */
export function metricOf(text: string, name: string, method: string): number {
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}{`) || !line.includes(`grpc_method="${method}"`)) continue;
    return Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return 0;
}

export type EtcdTrio = Trio<EtcdMember>;

/** `snapshotCount` null: etcd's default. */
export async function startEtcdTrio(
  directory: string, program: EtcdProgram, snapshotCount: number | null,
): Promise<EtcdTrio> {
  const ports: MemberPorts[] = [];
  for (const id of ['e1', 'e2', 'e3']) ports.push({ id, clientPort: await freePort(), peerPort: await freePort() });
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  const members = ports.map((own) => {
    const dataDir = join(directory, own.id);
    return new EtcdMember(program, own, dataDir, [
      `--name=${own.id}`, `--data-dir=${dataDir}`,
      `--listen-client-urls=${url(own.clientPort)}`, `--advertise-client-urls=${url(own.clientPort)}`,
      `--listen-peer-urls=${url(own.peerPort)}`, `--initial-advertise-peer-urls=${url(own.peerPort)}`,
      `--initial-cluster=${ports.map(({ id, peerPort }) => `${id}=${url(peerPort)}`).join(',')}`,
      '--initial-cluster-state=new', '--initial-cluster-token=bench', '--log-level=warn',
      // Adds the time that each call took inside the server; etcd's own default leaves it out.
      '--metrics=extensive',
      ...(snapshotCount === null ? [] : [`--snapshot-count=${snapshotCount}`]),
    ]);
  });
  for (const member of members) member.start();
  return {
    members,
    stopAll: async () => void await Promise.all(members.map((member) => member.kill())),
  };
}
