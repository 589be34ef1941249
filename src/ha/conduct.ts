/**
 * Conducts one operation from its cursor to its end: commit the intent, run the step, commit its result, next. The same
 * code for the leader that began it and for every leader that takes it over. It never assumes: what a step may act on
 * is the applied state and a fresh look, and whoever cannot prove its leadership unwinds with ReignEnded.
 */
import { ActionError } from '../base/index.js';
import type { ServerName } from '../base/index.js';
import type { ObservationTable } from './observation-table.js';
import type { HaPorts } from './ports.js';
import { proposeOn } from './propose.js';
import { rollBack } from './roll-back.js';
import { ReignEnded, SessionPool } from './session-pool.js';
import { stepOf } from './steps/index.js';
import type { StepContext, StepOutcome } from './steps/index.js';
import { stepsOf } from './state.js';
import type { ClusterState, Operation, StepName } from './state.js';
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
  readonly openingVerdict: Verdict | null;
  readonly isMissing: (server: ServerName) => boolean;
}

/** Ends when the operation has ended. Throws ReignEnded when somebody else has to go on. */
export async function conduct(conducting: Conducting): Promise<void> {
  const { ports } = conducting;
  if (!(await ports.log.proveLeadership())) throw new ReignEnded('leadership could not be proved');
  if (!conducting.isOwn) await takeOver(conducting);
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
    await runSteps(conducting, context);
  } finally {
    sessions.closeAll();
  }
}

async function takeOver(conducting: Conducting): Promise<void> {
  const { ports } = conducting;
  const operation = currentOperation(conducting);
  const outcome = await ports.log.propose({
    kind: 'operation-taken-over',
    cluster: operation.cluster,
    operation: operation.id,
    fromEpoch: operation.epoch,
    by: ports.log.self,
  });
  if (outcome.kind === 'lost') throw new ReignEnded(outcome.reason);
  if (!outcome.result.ok) throw new ReignEnded(outcome.result.reason);
  const taken = currentOperation(conducting);
  report(conducting, taken, 'operation-taken-over', `${taken.id} goes on at epoch ${taken.epoch}`, {
    step: stepsOf(taken.kind)[taken.cursor] ?? null,
  });
  if (taken.kind === 'switchover' && !taken.pastNoReturn && taken.phase !== 'rolling-back') {
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

async function runSteps(conducting: Conducting, context: StepContext): Promise<void> {
  const { ports } = conducting;
  let failures = 0;
  let blocks = 0;
  for (;;) {
    const operation = context.operation();
    if (operation.phase === 'rolling-back') {
      const sentence = await rollBack(context);
      await end(conducting, operation, 'rolled-back', `${operation.reason}: ${sentence}`);
      return;
    }
    const step = stepsOf(operation.kind)[operation.cursor];
    if (step === undefined) {
      await end(conducting, operation, 'done', `${operation.newPrimary ?? ''} is the primary`);
      return;
    }
    const outcome = await attempt(conducting, context, step);
    if (outcome.kind === 'failed') {
      failures += 1;
      if (failures < timing.attemptsBeforeBlocked) await ports.clock.sleep(timing.retryMs);
      else await block(conducting, context, outcome.reason, (blocks += 1));
      continue;
    }
    if (outcome.kind === 'blocked') {
      await block(conducting, context, outcome.reason, (blocks += 1));
      continue;
    }
    failures = outcome.kind === 'rewind' ? failures + 1 : 0;
    await commit(conducting, context, step, outcome);
    // A world that keeps changing must not make this a hot loop.
    if (failures >= timing.attemptsBeforeBlocked) await ports.clock.sleep(timing.blockedRetryMs);
  }
}

type Attempt = StepOutcome | { readonly kind: 'failed'; readonly reason: string };

async function attempt(conducting: Conducting, context: StepContext, name: StepName): Promise<Attempt> {
  const step = stepOf(context.operation().kind, name);
  try {
    if (!context.operation().pastNoReturn && step.lastLook !== undefined) {
      const objection = await step.lastLook(context);
      if (objection !== null) return objection;
    }
    await commitIntent(conducting, context, name);
    return await step.run(context);
  } catch (thrown) {
    if (!(thrown instanceof ActionError)) throw thrown;
    const { kind, pastNoReturn, cursor } = context.operation();
    // A write pause is never prolonged by trying again; before it nothing was touched.
    if (kind === 'switchover' && !pastNoReturn && cursor > 0) return { kind: 'roll-back', reason: thrown.message };
    return { kind: 'failed', reason: `${name}: ${thrown.message}` };
  }
}

/** Once per run of a step: trying again at the same epoch needs no second entry. */
async function commitIntent(conducting: Conducting, context: StepContext, step: StepName): Promise<void> {
  const operation = context.operation();
  const last = operation.journal.at(-1);
  if (last?.step === step && last.finishedAtMs === null && last.epoch === operation.epoch) return;
  await proposeOn(conducting.ports, operation, { kind: 'step-started', step, newPrimary: operation.newPrimary });
  report(conducting, operation, 'step-started', `${step} of ${operation.id}`, { step });
}

async function commit(
  conducting: Conducting,
  context: StepContext,
  step: StepName,
  outcome: Exclude<StepOutcome, { kind: 'blocked' }>,
): Promise<void> {
  const operation = context.operation();
  const { ports } = conducting;
  if (outcome.kind === 'finished') {
    const { result, summary, newPrimary } = outcome;
    await proposeOn(ports, operation, { kind: 'step-finished', step, result, summary, newPrimary });
    report(conducting, operation, 'step-finished', `${step}: ${summary}`, { step });
  } else if (outcome.kind === 'rewind') {
    await proposeOn(ports, operation, { kind: 'operation-rewound', to: outcome.to, reason: outcome.reason });
    report(conducting, operation, 'operation-rewound', `back to ${outcome.to}: ${outcome.reason}`, { step });
  } else {
    await proposeOn(ports, operation, { kind: 'rollback-started', reason: outcome.reason });
    report(conducting, operation, 'rollback-started', outcome.reason, { step });
  }
}

/** Shows why nothing happens, waits for news, and looks whether the reason to act is still there. */
async function block(
  conducting: Conducting,
  context: StepContext,
  reason: string,
  blocks: number,
): Promise<void> {
  const operation = context.operation();
  if (operation.phase !== 'blocked' || operation.reason !== reason) {
    await proposeOn(conducting.ports, operation, { kind: 'operation-blocked', reason });
    report(conducting, operation, 'operation-blocked', reason, {});
  }
  // Each look may write entries: the pause grows, so that an operation that is blocked for a week fills no disk.
  await conducting.ports.clock.sleep(Math.min(timing.blockedRetryMaxMs, timing.blockedRetryMs * 2 ** (blocks - 1)));
  const now = context.operation();
  if (now.pastNoReturn || now.kind !== 'failover') return;
  const verdict = await context.judge();
  if (verdict.kind === 'Healthy') {
    const why = `${now.oldPrimary} answers again while the failover is blocked (${reason})`;
    await proposeOn(conducting.ports, now, { kind: 'rollback-started', reason: why });
    return;
  }
  const freezeCursor = stepsOf('failover').indexOf('freeze');
  if (now.cursor <= freezeCursor) return;
  await proposeOn(conducting.ports, now, { kind: 'operation-rewound', to: 'freeze', reason });
}

async function end(
  conducting: Conducting,
  operation: Operation,
  outcome: 'done' | 'rolled-back',
  summary: string,
): Promise<void> {
  await proposeOn(conducting.ports, operation, { kind: 'operation-finished', outcome, summary });
  report(conducting, operation, 'operation-finished', `${operation.id} ${outcome}: ${summary}`, { outcome });
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

function report(
  conducting: Conducting,
  operation: Operation,
  kind: string,
  sentence: string,
  facts: Readonly<Record<string, unknown>>,
): void {
  const { cluster, id, epoch, kind: operationKind } = operation;
  conducting.ports.report({ kind, cluster, operation: id, sentence, facts: { ...facts, operationKind, epoch } });
}
