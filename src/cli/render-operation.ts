/** Operations as text: one line each for `history`, all steps for `show`, one line per finished step as progress. */
import type { JournalStatus, OperationStatus } from '../http/api-types.js';
import { cell, columns } from './columns.js';
import { exactSpan } from './spans.js';
import type { Paint } from './terminal.js';

/** Milliseconds from start to end; null while it runs. */
export function durationMs(operation: OperationStatus): number | null {
  return operation.endedAt === null ? null : Date.parse(operation.endedAt) - Date.parse(operation.startedAt);
}

function phaseStyle(phase: OperationStatus['phase']): 'green' | 'yellow' | 'red' {
  if (phase === 'done') return 'green';
  return phase === 'blocked' || phase === 'rolled-back' ? 'red' : 'yellow';
}

function spanWords(ms: number | null): string {
  return ms === null ? '-' : exactSpan(ms);
}

/** 2026-01-02 03:04:05Z: sorts, and leaves no doubt about the zone. */
function timeWords(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`;
}

export function renderHistory(operations: readonly OperationStatus[], paint: Paint): string {
  if (operations.length === 0) return 'no operation has been recorded yet\n';
  const rows = operations.map((operation) => [
    cell(timeWords(operation.startedAt)),
    cell(operation.cluster),
    cell(operation.kind),
    cell(`${operation.oldPrimary} -> ${operation.newPrimary ?? '?'}`),
    cell(operation.phase, paint(phaseStyle(operation.phase), operation.phase)),
    cell(spanWords(durationMs(operation))),
    cell(operation.id),
    cell(operation.reason),
  ]);
  const head = ['started', 'cluster', 'kind', 'primary', 'outcome', 'took', 'operation', ''].map((text) =>
    cell(text, paint('dim', text)),
  );
  return `${columns([head, ...rows]).join('\n')}\n`;
}

export function stepLine(step: JournalStatus): string {
  const took = step.finishedAt === null ? 'running' : spanWords(step.durationMs);
  return `  ${step.step.padEnd(12)}  ${took.padStart(8)}  ${step.summary}`.trimEnd();
}

export function renderOperation(operation: OperationStatus, paint: Paint): string {
  const { id, kind, cluster, phase, epochs, oldPrimary, newPrimary, startedBy } = operation;
  const lines = [
    `${paint('bold', `${kind} ${id}`)} of ${cluster}: ${paint(phaseStyle(phase), phase)}`,
    `  primary   ${oldPrimary} -> ${newPrimary ?? '?'}`,
    `  started   ${timeWords(operation.startedAt)} by ${startedBy}`,
    `  took      ${spanWords(durationMs(operation))}`,
    `  epochs    ${epochs.join(', ')}`,
  ];
  if (operation.reason !== '') lines.push(`  reason    ${operation.reason}`);
  const rows = operation.steps.map((step) => [
    cell(`  ${step.step}`),
    cell(step.finishedAt === null ? 'running' : spanWords(step.durationMs)),
    cell(`epoch ${step.epoch}`),
    cell(step.by),
    cell(step.summary),
  ]);
  return `${[...lines, 'steps', ...columns(rows)].join('\n')}\n`;
}
