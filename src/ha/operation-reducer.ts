/**
 * How the log changes one operation. Invariants kept here, whatever a leader proposes: one operation per cluster; an
 * entry with another epoch than the operation's is rejected; steps start and end in their order; after
 * StepStarted(promote) the plan is fixed and there is no way back; the primary changes only to the one planned.
 */
import { epoch as makeEpoch } from '../base/index.js';
import type { ServerName } from '../base/index.js';
import type { Command } from './commands.js';
import { limits } from './limits.js';
import type { ClusterReduced, Stamp } from './reducer.js';
import { stepsOf } from './state.js';
import type { ClusterState, HaState, JournalEntry, Operation, StepName } from './state.js';

type CommandOf<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>;

/** Steps that take the primary's clients away: from their start until the end the endpoints name nobody. */
const hidingSteps: ReadonlySet<StepName> = new Set(['fence', 'pause-writes']);

export function startOperation(
  cluster: ClusterState,
  command: CommandOf<'operation-started'>,
  state: HaState,
): ClusterReduced {
  const isKnown = [cluster.operation, ...cluster.history].some((known) => known?.id === command.operation);
  if (isKnown) return cluster;
  if (cluster.operation !== null) {
    return { rejected: `${cluster.operation.id} (${cluster.operation.kind}) is running on ${cluster.name}` };
  }
  if (cluster.primary !== command.oldPrimary) {
    return { rejected: `the primary of ${cluster.name} is ${cluster.primary} by now, not ${command.oldPrimary}` };
  }
  const epoch = makeEpoch(cluster.epoch + 1);
  const operation: Operation = {
    id: command.operation,
    kind: command.operationKind,
    cluster: cluster.name,
    epoch,
    configVersion: state.configVersion,
    oldPrimary: command.oldPrimary,
    requestedTarget: command.requestedTarget,
    newPrimary: null,
    phase: 'running',
    reason: '',
    cursor: 0,
    pastNoReturn: false,
    startedAtMs: state.timeMs,
    endedAtMs: null,
    startedBy: command.by,
    takeovers: [{ epoch, by: command.by, atMs: state.timeMs, step: null }],
    rewinds: 0,
    journal: [],
  };
  return { ...cluster, epoch, operation };
}

export function takeOver(
  cluster: ClusterState,
  command: CommandOf<'operation-taken-over'>,
  state: HaState,
): ClusterReduced {
  const operation = cluster.operation;
  if (operation === null || operation.id !== command.operation) {
    return { rejected: `${command.operation} is not running any more` };
  }
  if (operation.epoch !== command.fromEpoch) {
    return { rejected: `${operation.id} is at epoch ${operation.epoch} by now, not ${command.fromEpoch}` };
  }
  const epoch = makeEpoch(Math.max(cluster.epoch, command.aboveEpoch) + 1);
  const step = stepsOf(operation.kind)[operation.cursor] ?? null;
  const takeovers = [...operation.takeovers, { epoch, by: command.by, atMs: state.timeMs, step }];
  return {
    ...cluster,
    epoch,
    operation: { ...operation, epoch, takeovers: takeovers.slice(-limits.takeoversKept) },
  };
}

export function finishOperation(
  cluster: ClusterState,
  command: CommandOf<'operation-finished'>,
  state: HaState,
): ClusterReduced {
  const operation = current(cluster, command);
  if ('rejected' in operation) return operation;
  if (command.outcome === 'done' && operation.cursor < stepsOf(operation.kind).length) {
    return { rejected: `${operation.id} still has steps to do` };
  }
  if (command.outcome === 'rolled-back' && (operation.pastNoReturn || operation.phase !== 'rolling-back')) {
    return { rejected: `${operation.id} is not being rolled back` };
  }
  const ended: Operation = {
    ...operation,
    phase: command.outcome,
    reason: command.outcome === 'done' ? '' : command.summary,
    endedAtMs: state.timeMs,
  };
  return {
    ...cluster,
    spec: cluster.pendingSpec ?? cluster.spec,
    pendingSpec: null,
    operation: null,
    hiddenSinceIndex: null,
    awaitingRejoin: leftOutOldPrimary(cluster, operation),
    unrestored: command.unrestored,
    history: [...cluster.history, ended].slice(-limits.historyPerCluster),
  };
}

/** An old primary that a switchover could not make a replica is out, as after a failover: it may come back writable. */
function leftOutOldPrimary(cluster: ClusterState, operation: Operation): readonly ServerName[] {
  const rePoint = operation.journal.findLast((entry) => entry.step === 're-point' && entry.result !== null);
  const leftOut = (rePoint?.result as { readonly leftOut?: Readonly<Record<string, string>> } | undefined)?.leftOut;
  const { oldPrimary } = operation;
  const isOut = leftOut?.[oldPrimary] !== undefined && !cluster.awaitingRejoin.includes(oldPrimary);
  return isOut ? [...cluster.awaitingRejoin, oldPrimary] : cluster.awaitingRejoin;
}

export function reduceOperation(
  cluster: ClusterState,
  command: Exclude<
    Command,
    {
      kind:
        | 'config-applied' | 'reducer-version-raised' | 'operation-started' | 'operation-taken-over'
        | 'operation-finished';
    }
  >,
  stamp: Stamp,
): ClusterReduced {
  const operation = current(cluster, command);
  if ('rejected' in operation) return operation;
  switch (command.kind) {
    case 'step-started':
      return startStep(cluster, operation, command, stamp);
    case 'step-finished':
      return finishStep(cluster, operation, command, stamp);
    case 'operation-rewound':
      return rewind(cluster, operation, command);
    case 'operation-blocked':
      if (operation.phase === 'rolling-back') return { rejected: `${operation.id} is being rolled back` };
      return { ...cluster, operation: { ...operation, phase: 'blocked', reason: command.reason } };
    case 'rollback-started':
      if (operation.pastNoReturn) return { rejected: `${operation.id} is past its point of no return` };
      return { ...cluster, operation: { ...operation, phase: 'rolling-back', reason: command.reason } };
    case 'primary-changed':
      return changePrimary(cluster, operation, command);
  }
}

function current(
  cluster: ClusterState,
  command: { readonly operation: Operation['id']; readonly epoch: number },
): Operation | { readonly rejected: string } {
  const operation = cluster.operation;
  if (operation === null || operation.id !== command.operation) {
    return { rejected: `${command.operation} is not running any more` };
  }
  if (operation.epoch !== command.epoch) {
    return { rejected: `${operation.id} is at epoch ${operation.epoch}, this was said at epoch ${command.epoch}` };
  }
  return operation;
}

function startStep(
  cluster: ClusterState,
  operation: Operation,
  command: CommandOf<'step-started'>,
  stamp: Stamp,
): ClusterReduced {
  const expected = stepsOf(operation.kind)[operation.cursor];
  if (command.step !== expected) return { rejected: `the next step is ${expected ?? 'none'}, not ${command.step}` };
  if (operation.phase === 'rolling-back') return { rejected: `${operation.id} is being rolled back` };
  const isPromote = command.step === 'promote';
  if (isPromote && (operation.newPrimary === null || command.newPrimary !== operation.newPrimary)) {
    return { rejected: `the plan names ${operation.newPrimary ?? 'nobody'}, not ${command.newPrimary ?? 'nobody'}` };
  }
  const entry: JournalEntry = {
    step: command.step,
    epoch: command.epoch,
    by: command.by,
    startedAtMs: stamp.timeMs,
    finishedAtMs: null,
    result: null,
    summary: '',
  };
  return {
    ...cluster,
    hiddenSinceIndex: hidingSteps.has(command.step)
      ? (cluster.hiddenSinceIndex ?? stamp.index)
      : cluster.hiddenSinceIndex,
    operation: {
      ...operation,
      phase: 'running',
      reason: '',
      pastNoReturn: operation.pastNoReturn || isPromote,
      journal: trimmed([...operation.journal, entry]),
    },
  };
}

/**
 * Bounds the journal by leaving out its oldest entries, but never the latest result of a step: later steps act on it,
 * and that of the first one is what a rollback restores.
 */
function trimmed(journal: readonly JournalEntry[]): readonly JournalEntry[] {
  let surplus = journal.length - limits.journalEntriesMax;
  if (surplus <= 0) return journal;
  const needed = new Map<StepName, JournalEntry>();
  for (const entry of journal) if (entry.result !== null) needed.set(entry.step, entry);
  return journal.filter((entry) => {
    if (surplus === 0 || needed.get(entry.step) === entry) return true;
    surplus -= 1;
    return false;
  });
}

function finishStep(
  cluster: ClusterState,
  operation: Operation,
  command: CommandOf<'step-finished'>,
  stamp: Stamp,
): ClusterReduced {
  const last = operation.journal.at(-1);
  if (last === undefined || last.step !== command.step || last.finishedAtMs !== null || last.epoch !== command.epoch) {
    return { rejected: `step ${command.step} is not running at epoch ${command.epoch}` };
  }
  if (operation.phase === 'rolling-back') return { rejected: `${operation.id} is being rolled back` };
  const entry: JournalEntry = {
    ...last,
    finishedAtMs: stamp.timeMs,
    result: command.result,
    summary: command.summary,
  };
  return {
    ...cluster,
    operation: {
      ...operation,
      phase: 'running',
      reason: '',
      cursor: operation.cursor + 1,
      newPrimary: operation.pastNoReturn ? operation.newPrimary : (command.newPrimary ?? operation.newPrimary),
      journal: [...operation.journal.slice(0, -1), entry],
    },
  };
}

function rewind(cluster: ClusterState, operation: Operation, command: CommandOf<'operation-rewound'>): ClusterReduced {
  if (operation.pastNoReturn) return { rejected: `${operation.id} is past its point of no return` };
  if (operation.phase === 'rolling-back') return { rejected: `${operation.id} is being rolled back` };
  const steps = stepsOf(operation.kind);
  const target = steps.indexOf(command.to);
  if (target < 0 || target > operation.cursor) return { rejected: `${operation.id} cannot go back to ${command.to}` };
  const choosing = operation.kind === 'failover' ? steps.indexOf('choose') : steps.indexOf('check');
  return {
    ...cluster,
    operation: {
      ...operation,
      cursor: target,
      rewinds: operation.rewinds + 1,
      newPrimary: target <= choosing ? null : operation.newPrimary,
    },
  };
}

function changePrimary(
  cluster: ClusterState,
  operation: Operation,
  command: CommandOf<'primary-changed'>,
): ClusterReduced {
  // While `publish` runs: `promote` has its result by then, so the server does take writes.
  const isPublishing = stepsOf(operation.kind)[operation.cursor] === 'publish'
    && operation.journal.at(-1)?.step === 'publish';
  if (!isPublishing || operation.newPrimary !== command.primary) {
    return { rejected: `${command.primary} was not promoted by ${operation.id}` };
  }
  const others = cluster.awaitingRejoin.filter((server) => server !== command.primary);
  const isTakenAway = operation.kind === 'failover' && !others.includes(operation.oldPrimary);
  return {
    ...cluster,
    primary: command.primary,
    hiddenSinceIndex: null,
    awaitingRejoin: isTakenAway ? [...others, operation.oldPrimary] : others,
  };
}
