/** `hactl history [CLUSTER]` and `hactl show OPERATION`: what was done, when, and how it ended. */
import type { OperationsResponse, OperationStatus } from '../../http/api-types.js';
import type { VerbContext } from '../context.js';
import { printJson } from '../context.js';
import { renderHistory, renderOperation } from '../render-operation.js';

export async function showHistory(context: VerbContext, cluster: string | null, limit: number): Promise<number> {
  const query = cluster === null ? '' : `?cluster=${encodeURIComponent(cluster)}`;
  const { operations } = await context.link.get<OperationsResponse>(`/operations${query}`);
  const shown = operations.slice(0, limit);
  if (context.json) printJson(context.terminal, { operations: shown });
  else context.terminal.out(renderHistory(shown, context.paint));
  return 0;
}

export async function showOperation(context: VerbContext, id: string): Promise<number> {
  const operation = await context.link.get<OperationStatus>(`/operations/${encodeURIComponent(id)}`);
  if (context.json) printJson(context.terminal, operation);
  else context.terminal.out(renderOperation(operation, context.paint));
  return 0;
}
