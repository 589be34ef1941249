/**
 * What must never happen (design section 2), looked at after every event and at every action. A violation is noted
 * with its time, never thrown into the code under test: the test reads the list at the end.
 */
import { gtidSet } from '../../src/base/index.js';
import type { ClusterName, ServerName } from '../../src/base/index.js';
import type { ClusterState, HaState, Operation } from '../../src/ha/index.js';
import type { Environment } from './environment.js';
import type { CommitObserver, LoggedEntry } from './replicated-log.js';
import type { SimServer } from './sim-server.js';
import type { SimSession } from './sim-session.js';

/** What is committed, in its order. */
export interface CommittedLog {
  readonly state: HaState;
  onCommit(observer: CommitObserver): void;
}

/** What a manager's health endpoint says; null for 503. */
export interface NamingManager {
  readonly named: ServerName | null;
}

export interface InvariantsOptions {
  readonly env: Environment;
  readonly cluster: ClusterName;
  readonly log: CommittedLog;
  readonly servers: readonly SimServer[];
  readonly managers: readonly NamingManager[];
}

export class Invariants {
  readonly #options: InvariantsOptions;
  readonly #violations = new Map<string, number>();
  readonly #highestEpoch = new Map<string, number>();
  readonly #ownerOfEpoch = new Map<number, string>();

  constructor(options: InvariantsOptions) {
    this.#options = options;
    options.env.queue.observe(() => this.#afterEvent());
    options.log.onCommit((entry) => this.#committed(entry));
  }

  /** One line for each kind of violation, with when it was first seen. */
  get violations(): readonly string[] {
    return [...this.#violations].map(([sentence, atMs]) => `${sentence} (at ${atMs.toFixed(1)} ms)`);
  }

  note(sentence: string): void {
    if (this.#violations.has(sentence)) return;
    this.#violations.set(sentence, this.#options.env.queue.nowMs);
    this.#options.env.trace.say('CHECK', sentence);
  }

  /** Somebody holds a server's lock now: whoever acts there under a lower epoch from now on is a deposed leader. */
  locked(session: SimSession): void {
    const { server, fence } = session;
    this.#options.env.trace.say(fence.manager, `holds ${server.name} at epoch ${fence.epoch}`);
    this.#highestEpoch.set(server.name, Math.max(fence.epoch, this.#highestEpoch.get(server.name) ?? 0));
    const owner = this.#ownerOfEpoch.get(fence.epoch) ?? fence.manager;
    this.#ownerOfEpoch.set(fence.epoch, owner);
    if (owner !== fence.manager) this.note(`epoch ${fence.epoch} is used by ${owner} and by ${fence.manager}`);
  }

  acted(session: SimSession, verb: string): void {
    const { server, fence } = session;
    this.#options.env.trace.say(fence.manager, `${server.name}: ${verb} at epoch ${fence.epoch}`);
    const highest = this.#highestEpoch.get(server.name) ?? 0;
    if (fence.epoch < highest) this.note(`${verb} on ${server.name} at epoch ${fence.epoch} after ${highest}`);
    const operation = this.#cluster.operation;
    if (operation?.id !== fence.operation) {
      this.note(`${verb} on ${server.name} for ${fence.operation}, which is not running`);
    } else if (operation.epoch !== fence.epoch && hasBegun(operation)) {
      this.note(`${verb} on ${server.name} by a deposed epoch ${fence.epoch}, ${operation.epoch} is at work`);
    }
    if (verb === 'open-for-writes') this.#opening(server, operation);
  }

  get #cluster(): ClusterState {
    return this.#options.log.state.clusters[this.#options.cluster] as ClusterState;
  }

  #opening(server: SimServer, operation: Operation | null): void {
    const isPlanned = operation?.pastNoReturn === true && operation.newPrimary === server.name;
    const isRestored = operation?.phase === 'rolling-back' && operation.oldPrimary === server.name;
    if (!isPlanned && !isRestored) this.note(`${server.name} is opened and nothing committed says so`);
  }

  #afterEvent(): void {
    const { managers, servers } = this.#options;
    if (this.#options.log.state.clusters[this.#options.cluster] === undefined) return;
    const named = new Set(managers.map((manager) => manager.named).filter((name) => name !== null));
    if (named.size > 1) this.note(`endpoints name ${[...named].sort().join(' and ')}`);
    const { primary, operation } = this.#cluster;
    // What comes up open by its own configuration is the business of a shield, which does not exist yet.
    for (const { name } of servers.filter((server) => server.takesWrites && !server.cameUpOpen)) {
      const isPlanned = operation?.pastNoReturn === true && operation.newPrimary === name;
      // A former primary that failed and came back is the business of a rejoin; tests with one look themselves.
      const isAway = this.#cluster.awaitingRejoin.includes(name) || operation?.oldPrimary === name;
      if (name !== primary && !isPlanned && !isAway) this.note(`${name} takes writes and is not the primary`);
    }
  }

  #committed({ command, result, state }: LoggedEntry): void {
    if (command.kind !== 'primary-changed' || !result.ok) return;
    const operation = state.clusters[command.cluster]?.operation as Operation;
    const [from, key] = operation.kind === 'failover' ? ['survey', 'target'] : ['pause-writes', 'executed'];
    const entry = operation.journal.findLast(({ step, result: found }) => step === from && found !== null);
    const wanted = entry?.result?.[key];
    const target = this.#options.servers.find(({ name }) => name === command.primary);
    if (typeof wanted !== 'string') this.note(`${command.primary} became primary without a ${from}`);
    else if (target === undefined || !gtidSet(wanted).isSubsetOf(target.executed)) {
      this.note(`${command.primary} became primary and lacks what was surveyed`);
    }
  }
}

/** Until its first step a new leader only takes the locks: what sat in a socket before that may still arrive. */
function hasBegun({ journal, epoch }: Operation): boolean {
  return journal.at(-1)?.epoch === epoch;
}
