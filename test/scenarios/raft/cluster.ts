/**
 * A few cores, their disks and the links between them, all moved by hand. A write is on the disk only once it was
 * persisted; a crash loses the rest. A send that waits for a write leaves only once that write is persisted. Used by
 * the scenario scripts and by the randomised test; it decides nothing by itself.
 */
import type { ManagerId, Prng } from '../../../src/base/index.js';
import { logIndex, managerId, term } from '../../../src/base/index.js';
import type {
  Input,
  Message,
  Output,
  RaftCoreConfig,
  StoredEntry,
  HardState,
  WriteOutput,
} from '../../../src/raft/core/index.js';
import { RaftCore, decodeMessage, raftCoreDefaults, restoredFault } from '../../../src/raft/core/index.js';

type Send = Extract<Output, { kind: 'send' }>;

export interface Disk {
  hardState: HardState;
  entries: StoredEntry[];
}

export interface TestNode {
  readonly id: ManagerId;
  readonly disk: Disk;
  /** null: crashed. */
  core: RaftCore | null;
  /** Asked for and not on the disk, oldest first. */
  writes: WriteOutput[];
  /** Sends that wait for a write. */
  held: Send[];
}

export interface TestClusterOptions {
  readonly size: number;
  readonly config: Partial<RaftCoreConfig>;
  readonly prng: (id: ManagerId) => Prng;
  /** Every output, as it is given. */
  readonly onOutput: (id: ManagerId, output: Output) => void;
  /** A planted bug: sends leave before the write they wait for. Tests must find out. */
  readonly speaksBeforePersisting?: boolean;
}

export class TestCluster {
  readonly nodes: readonly TestNode[];
  readonly ids: readonly ManagerId[];
  /** Messages under way, by 'from->to'. */
  readonly links = new Map<string, Message[]>();
  /** Links that lose everything, by 'from->to'. */
  readonly cuts = new Set<string>();
  nowMs = 1000;
  readonly #options: TestClusterOptions;

  constructor(options: TestClusterOptions) {
    this.#options = options;
    this.ids = Array.from({ length: options.size }, (_, at) => managerId(`m${at + 1}`));
    this.nodes = this.ids.map((id) => ({
      id,
      disk: { hardState: { term: term(0), votedFor: null, commitIndex: logIndex(0) }, entries: [] },
      core: null,
      writes: [],
      held: [],
    }));
    for (const id of this.ids) this.start(id);
  }

  node(id: string): TestNode {
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  start(id: string): void {
    const node = this.node(id);
    const fault = restoredFault(node.disk);
    if (fault !== null) throw new Error(fault);
    const config = { ...raftCoreDefaults, ...this.#options.config, id: node.id, voters: this.ids };
    node.core = new RaftCore(config, structuredClone(node.disk), this.#options.prng(node.id));
  }

  /** `reachedDisk`: so many of the oldest writes under way were done, though nobody was told. */
  crash(id: string, reachedDisk = 0): void {
    const node = this.node(id);
    for (const write of node.writes.slice(0, reachedDisk)) store(node.disk, write);
    Object.assign(node, { core: null, writes: [], held: [] });
  }

  step(id: string, input: Input): void {
    const node = this.node(id);
    if (node.core === null) return;
    for (const output of node.core.step(input)) {
      this.#options.onOutput(node.id, output);
      if (output.kind === 'write') node.writes.push(output);
      if (output.kind === 'send') this.#sent(node, output);
      if (output.kind === 'halt') Object.assign(node, { writes: [], held: [] });
      const last = output.kind === 'apply' ? output.entries.at(-1) : undefined;
      if (last !== undefined) this.step(id, { kind: 'applied', index: last.index });
    }
  }

  tick(id: string): void {
    this.step(id, { kind: 'tick', nowMs: this.nowMs });
  }

  /** Completes the oldest `count` writes together, as a driver that merges them would. */
  persist(id: string, count: number): boolean {
    const node = this.node(id);
    const done = node.writes.splice(0, count);
    const newest = done.at(-1);
    if (newest === undefined) return false;
    for (const write of done) store(node.disk, write);
    const released = node.held.filter((send) => (send.after ?? 0) <= newest.seq);
    node.held = node.held.filter((send) => (send.after ?? 0) > newest.seq);
    for (const send of released) this.#enqueue(node.id, send);
    this.step(id, { kind: 'persisted', seq: newest.seq });
    return true;
  }

  /** Delivers one message of a link, the oldest unless told otherwise; null: none was under way. */
  deliver(link: string, at = 0): Message | null {
    const message = this.drop(link, at);
    const [from, to] = link.split('->') as [string, string];
    if (message === null || this.node(to).core === null) return message;
    // Every message takes the way of the wire, so that the decoder is tried on all that the core says.
    const decoded = decodeMessage(structuredClone(message));
    if (decoded === null) throw new Error(`the decoder refuses ${JSON.stringify(message)}`);
    this.step(to, { kind: 'receive', from: managerId(from), message: decoded });
    return message;
  }

  drop(link: string, at = 0): Message | null {
    return this.links.get(link)?.splice(at, 1)[0] ?? null;
  }

  /** Links with something under way, in a fixed order. */
  busyLinks(): readonly string[] {
    return [...this.links].filter(([, queue]) => queue.length > 0).map(([link]) => link).sort();
  }

  #sent(node: TestNode, send: Send): void {
    if (send.after === null || this.#options.speaksBeforePersisting === true) this.#enqueue(node.id, send);
    else node.held.push(send);
  }

  #enqueue(from: ManagerId, send: Send): void {
    const link = `${from}->${send.to}`;
    if (this.cuts.has(link)) return;
    const queue = this.links.get(link) ?? [];
    queue.push(send.message);
    this.links.set(link, queue);
  }
}

export function store(disk: Disk, write: WriteOutput): void {
  if (write.truncateFrom !== null) disk.entries.length = write.truncateFrom - 1;
  disk.entries.push(...write.entries);
  if (write.hardState !== null) disk.hardState = write.hardState;
}
