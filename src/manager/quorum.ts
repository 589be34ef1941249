/**
 * This manager among the others: follows the membership (who is dialled, whether it still belongs), keeps it up to date
 * while it leads, watches its disk, hands over before it leaves. Decides nothing about MySQL.
 */
import { randomBytes } from 'node:crypto';
import { HactlError, errorMessage } from '../base/index.js';
import type { ManagerId } from '../base/index.js';
import type { ManagerConfig } from '../config/index.js';
import { raiseTo } from '../ha/index.js';
import type { Membership, RaftNode } from '../raft/index.js';
import type { About, RpcNode } from '../rpc/index.js';
import type { Addresses } from './addresses.js';
import { DiskWatch } from './disk-watch.js';
import type { HaMachine } from './ha-machine.js';
import type { Logger } from './log.js';
import { MemberKeeper } from './member-keeper.js';
import { whyExpelled } from './peer-memory.js';
import { VersionRaiser } from './version-raiser.js';

export interface QuorumOptions {
  readonly config: ManagerConfig;
  readonly raft: RaftNode;
  readonly rpc: RpcNode;
  readonly addresses: Addresses;
  readonly machine: HaMachine;
  readonly own: About;
  readonly log: Logger;
}

const keepEveryMs = 500;
/** A successor that has not caught up by then is not worth waiting for: the others elect one. */
const handOverMinMs = 1500;
const handOverElectionTimeouts = 1.5;
/**
 * Between its removal and its end: what it said last (that its removal is committed, say) still waits to be written to
 * the sockets, and would be lost with the process. One that others refuse ends at once: its votes may be forgotten.
 */
const lastWordsMs = 100;

export class Quorum {
  /** Settles with a sentence when this manager does not belong any more: it must end, and a person must look. */
  readonly expelled: Promise<string>;
  readonly #options: QuorumOptions;
  readonly #keeper: MemberKeeper;
  readonly #disk: DiskWatch;
  #expel: (reason: string) => void = () => undefined;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: QuorumOptions) {
    this.#options = options;
    this.expelled = new Promise((resolve) => {
      this.#expel = resolve;
    });
    const { config, raft, rpc, own, machine, log } = options;
    const say = (event: string, facts: Record<string, unknown>): void => log.info({ event, ...facts });
    const raiser = new VersionRaiser({ raft, life: randomBytes(8).toString('hex'), log: say });
    this.#keeper = new MemberKeeper({
      self: config.id,
      raft,
      abouts: () => new Map<ManagerId, About>([...rpc.abouts(), [config.id, own]]),
      raiseTo: (voterReducerMaxes) => raiseTo(machine.state, voterReducerMaxes),
      raise: (to) => raiser.raise(to),
      log: say,
    });
    this.#disk = new DiskWatch({
      directory: config.dataDir,
      lowWaterBytes: config.disk.lowWaterBytes,
      onChange: (isLow, freeBytes) => {
        log.warn({ event: isLow ? 'disk-low' : 'disk-has-room', freeBytes });
        raft.setDiskLow(isLow);
      },
      onUnreadable: (thrown) => log.warn({ event: 'disk-unreadable', reason: errorMessage(thrown) }),
    });
  }

  /** Throws HactlError. */
  async start(): Promise<void> {
    const { raft, rpc, addresses, log } = this.#options;
    raft.onMembership((membership, isCommitted) => this.#follow(membership, isCommitted));
    raft.onRoleChange(() => void this.#keeper.keep());
    await this.#disk.start();
    await raft.start();
    this.#refuseOtherManagers(raft.status().membership);
    rpc.setPeers(addresses.rpcPeers());
    for (const id of addresses.unknown()) log.warn({ event: 'manager-without-address', manager: id });
    this.#timer = setInterval(() => void this.#keeper.keep(), keepEveryMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#disk.stop();
  }

  /** A peer would not take this manager's connection. */
  refused(peer: ManagerId, reason: string, detail: string): void {
    const why = whyExpelled(peer, reason, detail);
    if (why !== null) this.#expel(why);
  }

  /** Before it leaves. Whatever comes of it, the others elect a leader when this one is silent. */
  async handOver(): Promise<void> {
    const { raft, log, config } = this.#options;
    if (raft.status().role !== 'leader') return;
    const withinMs = Math.max(handOverMinMs, handOverElectionTimeouts * config.raft.electionTimeoutMs);
    const outcome = await raft.transferLeadership(null, withinMs);
    log.info({ event: 'leadership-handed-over', ...outcome });
  }

  #follow(membership: Membership, isCommitted: boolean): void {
    const { rpc, addresses, config } = this.#options;
    rpc.setPeers(addresses.rpcPeers());
    if (!isCommitted) return;
    if (membership.removed.includes(config.id)) {
      const next = 'take it out of its supervisor; to come back it needs another id and an empty data_dir';
      const why = `${config.id} was removed from the managers. Next: ${next}`;
      setTimeout(() => this.#expel(why), lastWordsMs);
    }
  }

  /**
   * While nothing but its own store has said who the managers are, a file that names others is a mistake: two managers
   * with different ideas of the first voters would each look for a majority of its own.
   */
  #refuseOtherManagers({ voters, learners, removed }: Membership): void {
    const isFirst = learners.length === 0 && removed.length === 0 && voters.every((voter) => voter.rpc === null);
    if (!isFirst || voters.length === 0) return;
    const stored = voters.map((voter) => voter.id).sort();
    const configured = [...this.#options.config.managers.keys()].sort();
    if (stored.join() === configured.join()) return;
    throw new HactlError({
      code: 'bad-config',
      what: 'manager.yaml names other managers than the store was made for',
      details: [`managers: ${configured.join(', ')}: must be ${stored.join(', ')}`],
      next: 'correct the managers of manager.yaml; to change them, use `hactl managers add` and `remove`',
    });
  }
}
