/** Follows an operation through the HTTP API of whichever manager answers, and tells each step as it ends. */
import { setTimeout as pause } from 'node:timers/promises';
import type { OperationStatus, StatusResponse } from '../src/http/index.js';
import { askStatus } from '../test/support/stage.js';

const pollMs = 25;

function operationIn(status: StatusResponse, cluster: string): OperationStatus | null {
  const found = status.clusters.find((candidate) => candidate.name === cluster);
  return found?.operation ?? found?.lastOperation ?? null;
}

export interface WatchOptions {
  readonly urls: readonly string[];
  readonly cluster: string;
  readonly timeoutMs: number;
  readonly onLine: (line: string) => void;
}

/** The operation once it has ended. Throws when it has not within the time. */
export async function watchOperation(options: WatchOptions): Promise<OperationStatus> {
  const told = new Set<string>();
  const endsAtMs = performance.now() + options.timeoutMs;
  let last = null as OperationStatus | null;
  while (performance.now() < endsAtMs) {
    const answers = await Promise.all(options.urls.map(askStatus));
    for (const answer of answers) {
      const operation = answer === null ? null : operationIn(answer, options.cluster);
      // A manager that hears of it late must not take the story back.
      if (operation === null || (last !== null && progress(operation) < progress(last))) continue;
      last = operation;
      tell(operation, told, options.onLine);
    }
    if (last !== null && last.endedAt !== null) return last;
    await pause(pollMs);
  }
  const where = last === null ? 'no failover began' : `it is at ${last.step ?? '-'}, ${last.phase}: ${last.reason}`;
  throw new Error(`no end of the failover within ${options.timeoutMs} ms; ${where}`);
}

function progress(operation: OperationStatus): number {
  return operation.epoch * 1000 + operation.steps.length * 2 + (operation.endedAt === null ? 0 : 1);
}

function tell(operation: OperationStatus, told: Set<string>, onLine: (line: string) => void): void {
  const once = (key: string, line: string): void => {
    if (told.has(key)) return;
    told.add(key);
    onLine(line);
  };
  once(operation.id, `  ${operation.kind} ${operation.id} begins`);
  for (const [index, step] of operation.steps.entries()) {
    if (step.finishedAt === null) continue;
    const ms = `${step.durationMs ?? 0} ms`.padStart(8);
    once(`${operation.id}/${index}`, `  epoch ${step.epoch} ${step.by}  ${step.step.padEnd(9)} ${ms}  ${step.summary}`);
  }
}
