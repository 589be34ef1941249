/** `hactl status`: what the managers see and do, from the first manager that has a quorum, else from any. */
import type { StatusResponse } from '../../http/api-types.js';
import type { VerbContext } from '../context.js';
import { printJson } from '../context.js';
import { renderStatus } from '../render-status.js';

export async function showStatus(context: VerbContext): Promise<number> {
  const status = await context.link.get<StatusResponse>('/status', (answer) => answer.quorum?.has === true);
  if (context.json) printJson(context.terminal, status);
  else context.terminal.out(renderStatus(status, context.terminal.nowMs(), context.paint));
  return 0;
}
