/**
 * The rules of Raft, checked on what managers write, send and apply, from outside of their code. Names as in the Raft
 * paper's figure 3 and etcd's TLA+ specification.
 */
import { createHash } from 'node:crypto';
import type { ManagerId } from '../../../src/base/index.js';
import type {
  AppliedEntry, Message, RaftStatus, RestoredStore, StoredEntry, StoreWrite,
} from '../../../src/raft/index.js';
import type { SimDisk } from '../disk.js';
import type { SimNode } from '../sim-node.js';

export interface RaftChecksOptions {
  readonly disks: ReadonlyMap<ManagerId, SimDisk>;
  readonly note: (sentence: string) => void;
}

export class RaftChecks {
  readonly #options: RaftChecksOptions;
  readonly #leaderOfTerm = new Map<number, ManagerId>();
  readonly #votes = new Map<string, ManagerId>();
  /** By index and term: what stands there, and the term before it. */
  readonly #known = new Map<string, string>();
  /** By index: term and command of what was applied anywhere. */
  readonly #committed = new Map<number, { readonly term: number; readonly text: string }>();
  readonly #snapshots = new Map<number, string>();
  lastCommitted = 0;
  snapshotsTaken = 0;

  constructor(options: RaftChecksOptions) {
    this.#options = options;
  }

  get termsLed(): number {
    return this.#leaderOfTerm.size;
  }

  /** A write is on a disk. */
  wrote(id: ManagerId, before: RestoredStore, batch: StoreWrite): void {
    const { note } = this.#options;
    const { hardState, entries, truncateFrom, snapshot } = batch;
    if (hardState !== null) {
      const { term, votedFor } = before.hardState;
      if (hardState.term < term) note(`${id}: its durable term went back from ${term} to ${hardState.term}`);
      if (hardState.term === term && votedFor !== null && hardState.votedFor !== votedFor) {
        note(`one vote per term: ${id} changed its vote of term ${term}`);
      }
    }
    if (truncateFrom !== null) this.#truncated(id, before, truncateFrom);
    this.#matches(before, batch);
    if (snapshot !== null) {
      const text = `${snapshot.term} ${JSON.stringify(snapshot.membership)} ${hash(snapshot.data)}`;
      this.snapshotsTaken += 1;
      if ((this.#snapshots.get(snapshot.index) ?? text) !== text) {
        note(`equal snapshots: ${id} has another state at ${snapshot.index}`);
      }
      this.#snapshots.set(snapshot.index, text);
      if (entries.length > 0 && entries[0]!.index <= snapshot.index && batch.replacesLog) {
        note(`${id}: entries below a received snapshot`);
      }
    }
  }

  sends(node: SimNode, to: ManagerId, message: Message): void {
    const { note } = this.#options;
    const { stored } = node.disk;
    if (message.kind === 'vote-response' && message.granted) {
      const key = `${node.id}/${message.term}`;
      const earlier = this.#votes.get(key) ?? to;
      if (earlier !== to) note(`one vote per term: ${node.id} voted twice in term ${message.term}`);
      this.#votes.set(key, to);
      const { term, votedFor } = stored.hardState;
      if (term < message.term || (term === message.term && votedFor !== to)) {
        note(`durable votes: ${node.id} granted its vote of term ${message.term} before it was on disk`);
      }
    }
    if (message.kind === 'append-response' && message.accepted && lastIndexOf(stored) < message.matchIndex) {
      note(`durable acknowledgements: ${node.id} acknowledged ${message.matchIndex} before it was on disk`);
    }
  }

  changedRole(node: SimNode, { role, term }: RaftStatus): void {
    if (role !== 'leader') return;
    const { note } = this.#options;
    const other = this.#leaderOfTerm.get(term) ?? node.id;
    if (other !== node.id) note(`election safety: ${other} and ${node.id} both lead term ${term}`);
    this.#leaderOfTerm.set(term, node.id);
    const { stored } = node.disk;
    if (stored.hardState.term !== term || stored.hardState.votedFor !== node.id) {
      note(`durable votes: ${node.id} leads term ${term} and its own vote is not on disk`);
    }
    for (const [index, entry] of this.#committed) {
      if (index > stored.base.index && termAt(stored, index) !== entry.term) {
        note(`leader completeness: ${node.id} leads term ${term} and lacks entry ${index}`);
        return;
      }
    }
  }

  /** True: nobody applied this one before. */
  applied(node: SimNode, entry: AppliedEntry): boolean {
    const text = hash(entry.command) + String(entry.timeMs);
    const known = this.#committed.get(entry.index);
    if (known !== undefined) {
      if (known.term !== entry.term || known.text !== text) {
        this.#options.note(`state-machine safety: ${node.id} applied another entry ${entry.index}`);
      }
      return false;
    }
    if (entry.index < this.lastCommitted) {
      this.#options.note(`state-machine safety: ${node.id} applied ${entry.index} late, after ${this.lastCommitted}`);
    }
    this.#committed.set(entry.index, { term: entry.term, text });
    this.lastCommitted = entry.index;
    this.#isOnQuorum(node, entry);
    return true;
  }

  /** QuorumLog: whatever is applied is durable on a majority of the voters. */
  #isOnQuorum(node: SimNode, { index, term }: AppliedEntry): void {
    const { voters } = node.raft.status();
    const holders = voters.filter((voter) => {
      const stored = this.#options.disks.get(voter)?.stored;
      return stored !== undefined && (index <= stored.base.index || termAt(stored, index) === term);
    });
    if (holders.length * 2 <= voters.length) {
      this.#options.note(`quorum log: ${node.id} applied ${index}, which ${holders.length} of ${voters.length} hold`);
    }
  }

  #truncated(id: ManagerId, before: RestoredStore, from: number): void {
    for (const entry of before.entries) {
      if (entry.index < from || this.#committed.get(entry.index)?.term !== entry.term) continue;
      this.#options.note(`append only: ${id} cut off entry ${entry.index}, which is committed`);
      return;
    }
  }

  #matches(before: RestoredStore, batch: StoreWrite): void {
    let [lastTerm, lastIndex] = [0, -1];
    for (const entry of batch.entries) {
      const { index, term } = entry;
      const priorTerm = lastIndex === index - 1 ? lastTerm : priorTermOf(before, batch, index);
      const key = `${index}/${term}`;
      const text = `${priorTerm} ${textOf(entry)}`;
      if ((this.#known.get(key) ?? text) !== text) {
        this.#options.note(`log matching: two entries ${index} of term ${term} differ, or what precedes them does`);
      }
      this.#known.set(key, text);
      [lastTerm, lastIndex] = [term, index];
    }
  }
}

function priorTermOf(before: RestoredStore, { snapshot, replacesLog }: StoreWrite, index: number): number {
  if (snapshot !== null && replacesLog && snapshot.index === index - 1) return snapshot.term;
  return termAt(before, index - 1) ?? -1;
}

function textOf({ payload, timeMs }: StoredEntry): string {
  return payload.kind === 'command'
    ? `${timeMs} ${payload.session.id} ${payload.session.serial} ${hash(payload.command)}`
    : `${timeMs} ${JSON.stringify(payload)}`;
}

function termAt({ base, entries }: RestoredStore, index: number): number | null {
  if (index === base.index) return base.term;
  return entries[index - base.index - 1]?.term ?? null;
}

function lastIndexOf({ base, entries }: RestoredStore): number {
  return base.index + entries.length;
}

function hash(bytes: Uint8Array): string {
  return bytes.length < 64 ? Buffer.from(bytes).toString('hex') : createHash('md5').update(bytes).digest('hex');
}
