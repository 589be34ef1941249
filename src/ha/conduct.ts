/**
 * Conducts one operation from its cursor to its end. The same code for the leader that began it and for every leader
 * that takes it over: prove leadership, take it over under a higher epoch if somebody else may have acted on it, take
 * every server's lock, run the steps. It never assumes: what a step may act on is the applied state and a fresh look,
 * and whoever cannot prove its leadership unwinds with ReignEnded.
 */
import { ActionError } from '../base/index.js';
import type { ServerName } from '../base/index.js';
import type { ObservationTable } from './observation-table.js';
import type { HaPorts } from './ports.js';
import { proposeOn, reportOn } from './propose.js';
import { runSteps } from './run-steps.js';
import { ReignEnded, SessionPool } from './session-pool.js';
import type { JudgedVerdict, StepContext } from './steps/index.js';
import { stepsOf } from './state.js';
import type { ClusterState, Operation } from './state.js';
import { timing } from './timing.js';
import type { Verdict } from './verdict.js';

export interface Conducting {
  readonly ports: HaPorts;
  readonly table: ObservationTable;
  /** The cluster as it is applied now; null when it was removed. */
  readonly cluster: () => ClusterState | null;
  readonly judge: () => Promise<Verdict>;
  /** This leader has just started the operation and nobody has acted on it yet; otherwise it is taken over first. */
  readonly isOwn: boolean;
  /** The verdict that started an own failover; else null. */
  readonly openingVerdict: JudgedVerdict | null;
  /** An epoch that a server was seen to know: a takeover goes above it. 0: none. */
  readonly aboveEpoch: number;
  readonly news: (withinMs: number) => Promise<void>;
  readonly isMissing: (server: ServerName) => boolean;
}

/** Ends when the operation has ended. Throws ReignEnded when somebody else has to go on. */
export async function conduct(conducting: Conducting): Promise<void> {
  const { ports, news } = conducting;
  if (!(await ports.log.proveLeadership())) throw new ReignEnded('leadership could not be proved');
  if (!conducting.isOwn) await unwindingOnDrop(() => takeOver(conducting));
  const operation = currentOperation(conducting);
  const cluster = currentCluster(conducting);
  const sessions = new SessionPool(ports, cluster.spec, {
    cluster: cluster.name,
    epoch: operation.epoch,
    operation: operation.id,
    manager: ports.log.self,
  });
  const context = contextOf(conducting, cluster, sessions, operation.epoch);
  try {
    await raiseEpoch(context);
    await runSteps({ ports, context, news, situation: () => situation(conducting) });
  } finally {
    sessions.closeAll();
  }
}

/** A log that takes nothing: the supervisor pauses and comes again. */
async function unwindingOnDrop(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    throw thrown instanceof ActionError ? new ReignEnded(thrown.message) : thrown;
  }
}

async function takeOver(conducting: Conducting): Promise<void> {
  const { ports, aboveEpoch } = conducting;
  const operation = currentOperation(conducting);
  const outcome = await ports.log.propose({
    kind: 'operation-taken-over',
    cluster: operation.cluster,
    operation: operation.id,
    fromEpoch: operation.epoch,
    aboveEpoch,
    by: ports.log.self,
  });
  if (outcome.kind !== 'applied') throw new ReignEnded(outcome.reason);
  if (!outcome.result.ok) throw new ReignEnded(outcome.result.reason);
  const taken = currentOperation(conducting);
  const step = stepsOf(taken.kind)[taken.cursor] ?? null;
  reportOn(ports, taken, 'operation-taken-over', `${taken.id} goes on at epoch ${taken.epoch}`, { step });
  const isTouched = taken.journal.length > 0;
  if (taken.kind === 'switchover' && isTouched && !taken.pastNoReturn && taken.phase !== 'rolling-back') {
    await proposeOn(ports, taken, {
      kind: 'rollback-started',
      reason: 'the leader changed during the write pause, before the promotion had begun',
    });
  }
}

/** Takes every server's lock at our epoch before the first step: sessions of a deposed leader end here. */
async function raiseEpoch(context: StepContext): Promise<void> {
  await Promise.all(
    context.spec.servers.map(async (server) => {
      try {
        await context.session(server.name);
      } catch (thrown) {
        // Who cannot be reached now is raised when a step first needs it.
        if (!(thrown instanceof ActionError)) throw thrown;
      }
    }),
  );
}

/**
 * What this manager sees of each server, in words that change only when something does. Not what an operation itself
 * changes (receivers), nor what flickers (start times).
 */
function situation(conducting: Conducting): string {
  const { table, ports } = conducting;
  const seen = table
    .latest(currentCluster(conducting).name)
    .filter((observation) => observation.manager === ports.log.self)
    .map(({ server, outcome }) => `${server} ${outcome.kind}`);
  return seen.sort().join('; ');
}

function contextOf(
  conducting: Conducting,
  cluster: ClusterState,
  sessions: SessionPool,
  epoch: number,
): StepContext {
  return {
    ports: conducting.ports,
    sessions,
    table: conducting.table,
    spec: cluster.spec,
    openingVerdict: conducting.openingVerdict,
    judge: conducting.judge,
    deadlineMs: null,
    cluster: () => currentCluster(conducting),
    operation: () => {
      const operation = currentOperation(conducting);
      if (operation.epoch !== epoch) throw new ReignEnded(`${operation.id} is at epoch ${operation.epoch} by now`);
      return operation;
    },
    session: (server) => sessions.on(server, conducting.isMissing(server) ? timing.openMissingMs : timing.openMs),
    dropSessions: () => sessions.dropAll(),
  };
}

function currentCluster(conducting: Conducting): ClusterState {
  const cluster = conducting.cluster();
  if (cluster === null) throw new ReignEnded('the cluster is not declared any more');
  return cluster;
}

function currentOperation(conducting: Conducting): Operation {
  const { operation, name } = currentCluster(conducting);
  if (operation === null) throw new ReignEnded(`no operation is running on ${name} any more`);
  return operation;
}
