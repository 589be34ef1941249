/**
 * A few cores, their disks and the links between them, all moved by hand. A write is on the disk only once it was
 * persisted; a crash loses the rest. A send that waits for a write leaves only once that write is persisted. Used by
 * the scenario scripts and by the randomised test; it decides nothing by itself.
 */
import type { LogIndex, ManagerId, Prng } from '../../../src/base/index.js';
import { logIndex, managerId, term } from '../../../src/base/index.js';
import type {
  Input,
  Message,
  Output,
  RaftCoreConfig,
  StoredEntry,
  HardState,
  LogBase,
  Snapshot,
  WriteOutput,
} from '../../../src/raft/core/index.js';
import {
  RaftCore, bootstrapMembership, decodeMessage, emptyBase, raftCoreDefaults, restoredFault,
} from '../../../src/raft/core/index.js';

import type { RaftInvariants } from '../../support/raft-invariants.js';

type Send = Extract<Output, { kind: 'send' }>;

export interface Disk {
  hardState: HardState;
  snapshot: Snapshot | null;
  base: LogBase;
  entries: StoredEntry[];
}

/** What a state machine here is: the commands it applied, in order. */
const joined = (commands: readonly string[]): Uint8Array => new TextEncoder().encode(commands.join(' '));
const parted = (data: Uint8Array): string[] => {
  const text = new TextDecoder().decode(data);
  return text === '' ? [] : text.split(' ');
};

export interface TestNode {
  readonly id: ManagerId;
  readonly disk: Disk;
  /** null: crashed. */
  core: RaftCore | null;
  /** Members that it was made with; none for one that joins. */
  readonly first: readonly ManagerId[];
  applied: string[];
  appliedIndex: LogIndex;
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
  /** Sees all that happens, and judges it. */
  readonly watch?: RaftInvariants;
  /** A planted bug: sends leave before the write they wait for. Tests must find out. */
  readonly speaksBeforePersisting?: boolean;
}

export class TestCluster {
  readonly nodes: TestNode[];
  /** Messages under way, by 'from->to'. */
  readonly links = new Map<string, Message[]>();
  /** Links that lose everything, by 'from->to'. */
  readonly cuts = new Set<string>();
  nowMs = 1000;
  readonly #options: TestClusterOptions;

  constructor(options: TestClusterOptions) {
    this.#options = options;
    const ids = Array.from({ length: options.size }, (_, at) => managerId(`m${at + 1}`));
    this.nodes = ids.map((id) => newNode(id, ids));
    for (const id of ids) this.start(id);
  }

  get ids(): readonly ManagerId[] {
    return this.nodes.map((node) => node.id);
  }

  /** A new node with an empty store that knows no managers. */
  join(id: string): void {
    this.nodes.push(newNode(managerId(id), []));
    this.start(id);
  }

  /** Its disk is lost, and somebody made a new store under the same id, to join. */
  wipe(id: string): void {
    this.crash(id);
    this.nodes.splice(this.nodes.indexOf(this.node(id)), 1, newNode(managerId(id), []));
    this.start(id);
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
    const bootstrap = bootstrapMembership(node.first);
    const config = { ...raftCoreDefaults, ...this.#options.config, id: node.id, bootstrap };
    node.applied = node.disk.snapshot === null ? [] : parted(node.disk.snapshot.data);
    node.appliedIndex = node.disk.snapshot?.index ?? logIndex(0);
    node.core = new RaftCore(config, structuredClone(node.disk), this.#options.prng(node.id));
    this.#options.watch?.restarted(node.id, node.disk);
    this.#options.watch?.view(node.id, node.core.inspect());
  }

  /** `reachedDisk`: so many of the oldest writes under way were done, though nobody was told. */
  crash(id: string, reachedDisk = 0): void {
    const node = this.node(id);
    for (const write of node.writes.slice(0, reachedDisk)) store(node.disk, write);
    this.#options.watch?.durable(node.id, node.disk);
    this.#options.watch?.crashed(node.id);
    Object.assign(node, { core: null, writes: [], held: [] });
  }

  step(id: string, input: Input): void {
    const node = this.node(id);
    const { watch } = this.#options;
    if (node.core === null) return;
    if (input.kind === 'receive') watch?.received(node.id, input.from, input.message);
    if (input.kind === 'tick') watch?.ticked(node.id);
    if (input.kind === 'read-request') watch?.readAsked(node.id, input.readId);
    // What the state machine answers comes in after the step, as the driver does it.
    const answers: Input[] = [];
    for (const output of node.core.step(input)) {
      watch?.observed(node.id, output);
      this.#options.onOutput(node.id, output);
      if (output.kind === 'write') node.writes.push(output);
      if (output.kind === 'send') this.#sent(node, output);
      if (output.kind === 'halt') Object.assign(node, { writes: [], held: [] });
      if (output.kind === 'apply') answers.push(this.#apply(node, output.entries));
      if (output.kind === 'restore') answers.push(this.#restore(node, output.snapshot));
      if (output.kind === 'take-snapshot') {
        answers.push({ kind: 'snapshot-taken', index: node.appliedIndex, data: joined(node.applied) });
      }
    }
    watch?.view(node.id, node.core.inspect());
    for (const answer of answers) this.step(id, answer);
  }

  #apply(node: TestNode, entries: readonly StoredEntry[]): Input {
    for (const { index, payload } of entries) {
      if (payload.kind === 'command') node.applied.push(new TextDecoder().decode(payload.command));
      node.appliedIndex = index;
    }
    return { kind: 'applied', index: node.appliedIndex };
  }

  #restore(node: TestNode, { index, data }: Snapshot): Input {
    node.applied = parted(data);
    node.appliedIndex = index;
    return { kind: 'applied', index };
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
    this.#options.watch?.durable(node.id, node.disk);
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
    this.#options.watch?.sent(from, send.to, send.message);
    if (this.cuts.has(link)) return;
    const queue = this.links.get(link) ?? [];
    queue.push(send.message);
    this.links.set(link, queue);
  }
}

function newNode(id: ManagerId, first: readonly ManagerId[]): TestNode {
  const hardState = { term: term(0), votedFor: null, commitIndex: logIndex(0) };
  const disk: Disk = { hardState, snapshot: null, base: emptyBase, entries: [] };
  return { id, disk, core: null, first, applied: [], appliedIndex: logIndex(0), writes: [], held: [] };
}

export function store(disk: Disk, write: WriteOutput): void {
  const { snapshot, replacesLog, compactTo, truncateFrom } = write;
  if (snapshot !== null) {
    disk.snapshot = snapshot;
    const { index, term: atTerm, timeMs } = snapshot;
    if (replacesLog) Object.assign(disk, { base: { index, term: atTerm, timeMs }, entries: [] });
  }
  const compacted = compactTo === null ? undefined : disk.entries.find((entry) => entry.index === compactTo);
  if (compacted !== undefined) {
    disk.base = { index: compacted.index, term: compacted.term, timeMs: compacted.timeMs };
    disk.entries = disk.entries.filter((entry) => entry.index > compacted.index);
  }
  if (truncateFrom !== null) disk.entries.length = truncateFrom - 1 - disk.base.index;
  disk.entries.push(...write.entries);
  if (write.hardState !== null) disk.hardState = write.hardState;
}
