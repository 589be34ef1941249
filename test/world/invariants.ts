/**
 * What must never happen (design section 2), looked at after every event and at every action. A violation is noted
 * with its time, never thrown into the code under test: the test reads the list at the end.
 */
import { gtidSet } from '../../src/base/index.js';
import type { ClusterName, ManagerId, ServerName } from '../../src/base/index.js';
import type { ClusterState, HaState, Operation } from '../../src/ha/index.js';
import type { Environment } from './environment.js';
import { LogRules } from './log-rules.js';
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
  /** What it would say if it had the right to; cheaper to ask for. */
  readonly believed?: ServerName | null;
}

/**
 * What the manager that sent a statement rested on. A statement may arrive long after its sender was deposed: that is
 * harmless where its session holds the server's lock still, and forbidden where somebody else has taken it.
 */
export interface Basis {
  /** A sentence when it acted without a fresh proof of its leadership. */
  readonly fault: string | null;
  /** When the proof that it rested on began: whatever was committed before that it must know. */
  readonly knewUntilMs: number;
}

export interface InvariantsOptions {
  readonly env: Environment;
  readonly cluster: ClusterName;
  readonly log: CommittedLog;
  readonly servers: readonly SimServer[];
  readonly managers: readonly NamingManager[];
  /** Without it every sender must know everything at once. */
  readonly basisOf?: (manager: ManagerId, sentAtMs: number) => Basis;
}

export class Invariants {
  readonly #options: InvariantsOptions;
  readonly #violations = new Map<string, number>();
  readonly #highestEpoch = new Map<string, number>();
  readonly #lastHolder = new Map<string, SimSession>();
  readonly #ownerOfEpoch = new Map<number, string>();
  /** When each operation ended, and when each of its epochs did. */
  readonly #overAtMs = new Map<string, number>();
  /** By epoch: the servers whose locks whoever began to act under it could take, and must hold. */
  readonly #mustBeLocked = new Map<number, ReadonlySet<string>>();
  /** When a step ended last: what was sent before that may still arrive. */
  #steppedAtMs = -Infinity;

  constructor(options: InvariantsOptions) {
    this.#options = options;
    options.env.queue.observe(() => this.#afterEvent());
    const { cluster, log } = options;
    new LogRules({ cluster, log, note: (sentence) => this.note(sentence) });
    log.onCommit((entry) => this.#committed(entry));
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
    const before = this.#lastHolder.get(server.name);
    this.#lastHolder.set(server.name, session);
    // Whoever holds it under a higher epoch is never put out; once that one is gone the lock is anybody's.
    const wasPutOut = before?.endedAtMs === this.#options.env.queue.nowMs;
    if (before !== undefined && wasPutOut && before.fence.epoch > fence.epoch) {
      this.note(`epochs: ${server.name} is locked at epoch ${fence.epoch} after ${before.fence.epoch}`);
    }
    this.#highestEpoch.set(server.name, Math.max(fence.epoch, this.#highestEpoch.get(server.name) ?? 0));
    const owner = this.#ownerOfEpoch.get(fence.epoch) ?? fence.manager;
    this.#ownerOfEpoch.set(fence.epoch, owner);
    if (owner !== fence.manager) this.note(`epoch ${fence.epoch} is used by ${owner} and by ${fence.manager}`);
  }

  acted(session: SimSession, verb: string, sentAtMs: number): void {
    const { server, fence } = session;
    const basis = this.#options.basisOf?.(fence.manager, sentAtMs) ?? { fault: null, knewUntilMs: Infinity };
    if (basis.fault !== null) this.note(`${verb} on ${server.name} by ${fence.manager}: ${basis.fault}`);
    this.#options.env.trace.say(fence.manager, `${server.name}: ${verb} at epoch ${fence.epoch}`);
    const highest = this.#highestEpoch.get(server.name) ?? 0;
    if (fence.epoch < highest) this.note(`${verb} on ${server.name} at epoch ${fence.epoch} after ${highest}`);
    const operation = this.#cluster.operation;
    if (operation?.id !== fence.operation) {
      if (basis.knewUntilMs > this.#overAt(fence.operation)) {
        this.note(`${verb} on ${server.name} for ${fence.operation}, which is not running`);
      }
    } else if (operation.epoch !== fence.epoch && hasBegun(operation)) {
      // The one at work took every lock that it could reach before its first step: nothing older executes there.
      const isLockedOut = this.#mustBeLocked.get(operation.epoch)?.has(server.name) === true;
      if (isLockedOut || basis.knewUntilMs > this.#overAt(`${fence.operation}/${fence.epoch}`)) {
        this.note(`${verb} on ${server.name} by a deposed epoch ${fence.epoch}, ${operation.epoch} is at work`);
      }
    }
    if (operation?.id === fence.operation && operation.epoch === fence.epoch) this.#intent(session, verb, basis);
    if (verb === 'open-for-writes') this.#opening(server, operation);
  }

  get #cluster(): ClusterState {
    return this.#options.log.state.clusters[this.#options.cluster] as ClusterState;
  }

  #reachableFor(manager: ManagerId): readonly string[] {
    const { servers, env } = this.#options;
    return servers
      .filter(({ name, status, isHung, isFull }) => status === 'up' && !isHung && !isFull
        && !env.network.isCut(manager, name) && !env.network.isClogged(manager, name))
      .map(({ name }) => name);
  }

  /** What is done belongs to a step whose beginning is committed, or takes one back. */
  #intent({ server, fence }: SimSession, verb: string, { knewUntilMs }: Basis): void {
    const operation = this.#cluster.operation;
    if (operation === null || operation.phase === 'rolling-back') return;
    const last = operation.journal.at(-1);
    const isUnderWay = last !== undefined && last.finishedAtMs === null && last.epoch === fence.epoch;
    if (isUnderWay || knewUntilMs <= this.#steppedAtMs) return;
    this.note(`intent: ${verb} on ${server.name} at epoch ${fence.epoch}, and no step is under way`);
  }

  #overAt(what: string): number {
    return this.#overAtMs.get(what) ?? -Infinity;
  }

  #opening(server: SimServer, operation: Operation | null): void {
    const isPlanned = operation?.pastNoReturn === true && operation.newPrimary === server.name;
    const isRestored = operation?.phase === 'rolling-back' && operation.oldPrimary === server.name;
    if (!isPlanned && !isRestored) this.note(`${server.name} is opened and nothing committed says so`);
    const old = this.#options.servers.find(({ name }) => name === operation?.oldPrimary);
    if (operation?.kind !== 'switchover' || old === undefined || old === server || old.cameUpOpen) return;
    if (old.takesWrites) this.note(`two writable: ${server.name} is opened while ${old.name} takes writes`);
  }

  #afterEvent(): void {
    const { managers, servers } = this.#options;
    const cluster: ClusterState | undefined = this.#options.log.state.clusters[this.#options.cluster];
    if (cluster === undefined) return;
    const { primary, operation } = cluster;
    for (const manager of managers) {
      // Asked first, because it is cheap, and nearly always the answer.
      if (manager.believed === primary) continue;
      const { named } = manager;
      if (named !== null && named !== primary) this.note(`an endpoint names ${named}, and ${primary} is the primary`);
    }
    // What comes up open by its own configuration is the business of a shield, which does not exist yet.
    for (const server of servers) {
      const { name } = server;
      if (name === primary || server.cameUpOpen || !server.takesWrites) continue;
      const isPlanned = operation?.pastNoReturn === true && operation.newPrimary === name;
      // A former primary that failed and came back is the business of a rejoin; tests with one look themselves.
      const isAway = cluster.awaitingRejoin.includes(name) || operation?.oldPrimary === name;
      if (!isPlanned && !isAway) this.note(`${name} takes writes and is not the primary`);
    }
  }

  #committed({ command, result, state }: LoggedEntry): void {
    if (!result.ok) return;
    const { nowMs } = this.#options.env.queue;
    if (command.kind === 'step-finished' || command.kind === 'operation-rewound') this.#steppedAtMs = nowMs;
    if (command.kind === 'step-started' && !this.#mustBeLocked.has(command.epoch)) {
      this.#mustBeLocked.set(command.epoch, new Set(this.#reachableFor(command.by)));
    }
    if (command.kind === 'operation-finished') this.#overAtMs.set(command.operation, nowMs);
    if (command.kind === 'operation-taken-over') {
      this.#overAtMs.set(`${command.operation}/${command.fromEpoch}`, nowMs);
    }
    if (command.kind !== 'primary-changed') return;
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
