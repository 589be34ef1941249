/**
 * Follows one operation over any manager until it ends or is blocked, printing each step as it finishes. A manager that
 * dies, or does not know the operation yet, is passed over; the wait ends by itself.
 */
import { errorMessage, HactlError } from '../base/index.js';
import type { OperationStatus } from '../http/api-types.js';
import type { VerbContext } from './context.js';
import { say } from './context.js';
import { limits } from './limits.js';
import { stepLine } from './render-operation.js';

function hasStopped(operation: OperationStatus): boolean {
  return operation.phase === 'done' || operation.phase === 'rolled-back' || operation.phase === 'blocked';
}

function lostSight(id: string, why: string): HactlError {
  return new HactlError({
    code: 'unknown-outcome',
    what: `the operation ${id} has begun and its end was not seen`,
    why,
    next: `it goes on without this program: look at \`hactl show ${id}\``,
  });
}

export async function followOperation(context: VerbContext, id: string): Promise<OperationStatus> {
  const { terminal, link } = context;
  const startMs = terminal.nowMs();
  let seenMs = startMs;
  const printed = new Set<string>();
  for (;;) {
    try {
      const operation = await link.get<OperationStatus>(`/operations/${encodeURIComponent(id)}`);
      seenMs = terminal.nowMs();
      for (const step of operation.steps) {
        // A step may run again after a takeover: each run has its own start.
        const key = `${step.step} ${step.startedAt} ${step.epoch}`;
        if (step.finishedAt === null || printed.has(key)) continue;
        printed.add(key);
        say(context, `${stepLine(step)}\n`);
      }
      if (hasStopped(operation)) return operation;
    } catch (thrown) {
      if (!(thrown instanceof HactlError)) throw thrown;
      if (terminal.nowMs() - seenMs > limits.pollSilenceMs) throw lostSight(id, errorMessage(thrown));
    }
    if (terminal.nowMs() - startMs > limits.followMs) throw lostSight(id, 'it takes longer than this program waits');
    await terminal.sleep(limits.pollMs);
  }
}
