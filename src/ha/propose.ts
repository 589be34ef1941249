/** Speaking for a running operation: fills in who speaks and at which epoch; a no of the log ends the reign. */
import { ActionError } from '../base/index.js';
import type { Command } from './commands.js';
import type { HaPorts } from './ports.js';
import { ReignEnded } from './session-pool.js';
import type { Operation } from './state.js';

type Said = 'cluster' | 'operation' | 'epoch' | 'by';
type Distributed<T> = T extends { readonly epoch: unknown } ? Omit<T, Said> : never;
export type OperationCommand = Distributed<Command>;

/**
 * Commits `command`. Throws ReignEnded when leadership is gone, the outcome is unknown, or the reducer rejects it: in
 * each case the log knows better than this manager what comes next. Throws ActionError when the log does not take it,
 * tried again or not for `retryWithinMs`.
 */
export async function proposeOn(
  ports: HaPorts,
  operation: Operation,
  command: OperationCommand,
  retryWithinMs?: number,
): Promise<number> {
  const full = {
    ...command,
    cluster: operation.cluster,
    operation: operation.id,
    epoch: operation.epoch,
    by: ports.log.self,
  } as Command;
  const outcome = await ports.log.propose(full, undefined, retryWithinMs);
  if (outcome.kind === 'lost') throw new ReignEnded(outcome.reason);
  if (outcome.kind === 'dropped') throw new ActionError('rejected', `the log does not take it: ${outcome.reason}`);
  if (!outcome.result.ok) throw new ReignEnded(`${command.kind} was rejected: ${outcome.result.reason}`);
  return outcome.index;
}

/** Tells of an operation what everybody wants to know with it: its kind and its epoch. */
export function reportOn(
  ports: HaPorts,
  operation: Operation,
  kind: string,
  sentence: string,
  facts: Readonly<Record<string, unknown>> = {},
): void {
  const { cluster, id, epoch, kind: operationKind } = operation;
  ports.report({ kind, cluster, operation: id, sentence, facts: { ...facts, operationKind, epoch } });
}
