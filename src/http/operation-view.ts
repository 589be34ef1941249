/** Operations of the replicated state as the API shows them. Pure. */
import type { JournalEntry, Operation } from '../ha/state.js';
import type { JournalStatus, OperationStatus } from './api-types.js';

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function journalStatus(entry: JournalEntry): JournalStatus {
  const { step, epoch, by, startedAtMs, finishedAtMs, summary, result } = entry;
  return {
    step,
    epoch,
    by,
    startedAt: isoTime(startedAtMs),
    finishedAt: finishedAtMs === null ? null : isoTime(finishedAtMs),
    durationMs: finishedAtMs === null ? null : finishedAtMs - startedAtMs,
    summary,
    result,
  };
}

export function hasEnded(operation: Operation): boolean {
  return operation.phase === 'done' || operation.phase === 'rolled-back';
}

/** The step that runs, or ran last; null before the first and after the end. */
function currentStep(operation: Operation): string | null {
  if (hasEnded(operation)) return null;
  const latest = operation.journal[operation.journal.length - 1];
  return latest?.step ?? null;
}

export function operationStatus(operation: Operation): OperationStatus {
  const { id, kind, cluster, phase, reason, epoch, takeovers, oldPrimary, newPrimary, startedBy } = operation;
  return {
    id,
    kind,
    cluster,
    phase,
    reason,
    step: currentStep(operation),
    epoch,
    epochs: [...new Set([...takeovers.map((takeover) => Number(takeover.epoch)), Number(epoch)])],
    oldPrimary,
    newPrimary,
    startedAt: isoTime(operation.startedAtMs),
    endedAt: operation.endedAtMs === null ? null : isoTime(operation.endedAtMs),
    startedBy,
    steps: operation.journal.map(journalStatus),
  };
}
