/**
 * What a leader does for one cluster, for as long as it leads: continue the operation that is running, else judge the
 * primary and start a failover when a majority has confirmed that it is dead. It lives for one reign; a new leader
 * makes its own. It acts on nothing before it has proved its leadership once in this term.
 */
import { isMiss, operationId } from '../base/index.js';
import type { ClusterName, ManagerId, OperationId, ServerName } from '../base/index.js';
import { conduct } from './conduct.js';
import type { ObservationTable } from './observation-table.js';
import type { HaPorts } from './ports.js';
import { ReignEnded } from './session-pool.js';
import type { ClusterState, Operation, OperationKind } from './state.js';
import type { JudgedVerdict } from './steps/index.js';
import { judgePrimary } from './verdict.js';
import type { ConfirmingRound, Verdict } from './verdict.js';
import { failoverSubject } from './verdict-subject.js';

/** Between two attempts after an operation unwound while this manager still leads. */
const unwindPauseMs = 500;
/** How often a suspicion is looked at until it has lasted long enough. */
const ripeningPollMs = 20;
/** A confirming round may take one probe and the way there and back. */
const roundMarginMs = 300;

export interface SupervisorOptions {
  readonly ports: HaPorts;
  readonly cluster: ClusterName;
  readonly table: ObservationTable;
  readonly isReigning: () => boolean;
  /** Resolves at the next observation or entry that may concern the cluster, or after `withinMs`. */
  readonly news: (withinMs: number) => Promise<void>;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  /** Started in this reign and not yet conducted: needs no takeover. */
  #ownOperation: { readonly id: OperationId; readonly opening: JudgedVerdict | null } | null = null;
  #aboveEpoch = 0;
  #verdict: Verdict | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The latest verdict; null before the first one. */
  get verdict(): Verdict | null {
    return this.#verdict;
  }

  /** Ends with the reign, or when the cluster is not declared any more. */
  async run(): Promise<void> {
    const { ports, isReigning } = this.#options;
    while (isReigning() && !(await ports.log.proveLeadership())) await ports.clock.sleep(unwindPauseMs);
    while (isReigning()) {
      if (this.#cluster() === null) return;
      try {
        await this.#turn();
      } catch (thrown) {
        if (!(thrown instanceof ReignEnded)) throw thrown;
        this.#report('conduct-unwound', thrown.message);
        this.#aboveEpoch = Math.max(this.#aboveEpoch, thrown.higherEpoch ?? 0);
        if (isReigning()) await ports.clock.sleep(unwindPauseMs);
      }
    }
  }

  /** Starts a planned switchover on behalf of a person. The caller has checked it; the reducer checks again. */
  async startSwitchover(id: OperationId, target: ServerName | null): Promise<{ readonly refused: string | null }> {
    const cluster = this.#cluster();
    if (cluster === null) return { refused: 'the cluster is not declared any more' };
    return this.#start(id, 'switchover', cluster, target, 'asked for by a person', null);
  }

  /** A new verdict, with a confirming round where one is needed. */
  async judge(): Promise<Verdict> {
    const first = this.#judgeNow(null);
    const cluster = this.#cluster();
    if (!first.wantsRound || cluster === null) return this.#remember(first);
    const { ports } = this.#options;
    const nonce = ports.random.hex(16);
    const sentAtMs = ports.clock.nowMs();
    const observations = await ports.quorum.confirm(
      cluster.name,
      nonce,
      cluster.spec.detection.probeTimeoutMs + roundMarginMs,
      (soFar) => {
        const { kind } = this.#judgeNow({ nonce, sentAtMs, observations: soFar });
        return kind === 'Healthy' || failoverSubject(kind);
      },
    );
    return this.#remember(this.#judgeNow({ nonce, sentAtMs, observations }));
  }

  async #turn(): Promise<void> {
    const { ports, table, news } = this.#options;
    const cluster = this.#cluster();
    if (cluster === null) return;
    if (cluster.operation !== null) {
      const isFresh = isUntouched(cluster.operation, ports.log.self);
      const own = isFresh && this.#ownOperation?.id === cluster.operation.id ? this.#ownOperation : null;
      this.#ownOperation = null;
      await conduct({
        ports,
        table,
        cluster: () => this.#cluster(),
        judge: () => this.judge(),
        isOwn: own !== null,
        openingVerdict: own?.opening ?? null,
        aboveEpoch: this.#aboveEpoch,
        news,
        isMissing: (server) => this.#isMissing(server),
      });
      return;
    }
    const verdict = await this.judge();
    const reason = failoverSubject(verdict.kind) ? verdict.reason : leftClosed(cluster, verdict);
    if (reason !== null) {
      if (!(await ports.log.proveLeadership())) throw new ReignEnded('leadership could not be proved');
      const id = operationId(`fo-${ports.random.hex(10)}`);
      // `cluster` is what was judged: should the primary be another by now, the reducer rejects this.
      const { refused } = await this.#start(id, 'failover', cluster, null, reason, verdict);
      if (refused !== null) await ports.clock.sleep(unwindPauseMs);
      return;
    }
    // A suspicion only has to last long enough: looked at often. Anything else waits for news, and rounds are paced.
    const isRipening = verdict.kind === 'Suspected' && !verdict.wantsRound;
    await news(isRipening ? ripeningPollMs : cluster.spec.detection.intervalMs / 4);
  }

  async #start(
    id: OperationId,
    operationKind: OperationKind,
    cluster: ClusterState,
    requestedTarget: ServerName | null,
    summary: string,
    verdict: Verdict | null,
  ): Promise<{ readonly refused: string | null }> {
    const { ports } = this.#options;
    // Before the proposal: the run loop may see the operation before this call gets its answer.
    const own = { id, opening: verdict === null ? null : { verdict, atMs: ports.clock.nowMs() } };
    this.#ownOperation = own;
    const outcome = await ports.log.propose({
      kind: 'operation-started',
      operationKind,
      cluster: cluster.name,
      operation: id,
      by: ports.log.self,
      oldPrimary: cluster.primary,
      requestedTarget,
      summary,
    });
    const refused = outcome.kind !== 'applied' ? outcome.reason : outcome.result.ok ? null : outcome.result.reason;
    if (refused !== null) {
      if (this.#ownOperation === own) this.#ownOperation = null;
      if (outcome.kind === 'lost') throw new ReignEnded(outcome.reason);
      return { refused };
    }
    this.#report('operation-started', `${operationKind} ${id}: ${summary}`, id);
    return { refused };
  }

  #judgeNow(round: ConfirmingRound | null): Verdict {
    const { ports, table } = this.#options;
    const cluster = this.#cluster();
    if (cluster === null) throw new ReignEnded('the cluster is not declared any more');
    return judgePrimary({
      spec: cluster.spec,
      primary: cluster.primary,
      voters: ports.quorum.voters,
      leader: ports.log.self,
      observations: table.latest(cluster.name),
      testimony: table.testimony(cluster.name, cluster.primary),
      nowMs: ports.clock.nowMs(),
      round,
    });
  }

  #remember(verdict: Verdict): Verdict {
    const before = this.#verdict;
    this.#verdict = verdict;
    if (before?.kind !== verdict.kind) this.#report('verdict-changed', `${verdict.kind}: ${verdict.reason}`);
    return verdict;
  }

  #isMissing(server: ServerName): boolean {
    const { table, cluster, ports } = this.#options;
    const own = table
      .latest(cluster)
      .find((seen) => seen.manager === ports.log.self && seen.server === server);
    return own !== undefined && isMiss(own.outcome.kind);
  }

  #cluster(): ClusterState | null {
    return this.#options.ports.log.state().clusters[this.#options.cluster] ?? null;
  }

  #report(kind: string, sentence: string, operation: OperationId | null = null): void {
    this.#options.ports.report({ kind, cluster: this.#options.cluster, operation, sentence, facts: {} });
  }
}

/**
 * Started by this manager, and nobody has done anything with it yet. A request that is repeated at a new leader names
 * an operation that another manager may be conducting at its present epoch: such a one must be taken over.
 */
function isUntouched(operation: Operation, self: ManagerId): boolean {
  return operation.startedBy === self && operation.takeovers.length === 1 && operation.journal.length === 0;
}

/**
 * A rollback could not restore the primary, because that was dead; now it is back before any failover began. The
 * operation that is started for it finds it healthy in its first step, and takes the rollback to its end.
 */
function leftClosed(cluster: ClusterState, verdict: Verdict): string | null {
  if (verdict.kind !== 'Healthy' || cluster.unrestored?.[cluster.primary] === undefined) return null;
  return `${cluster.primary} is back, and an earlier rollback has not restored it`;
}
