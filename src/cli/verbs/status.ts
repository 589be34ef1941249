/**
 * `hactl status`: what the managers see and do, from the leader, which knows most, else from a manager
 * that has a quorum, else from any.
 */
import type { StatusResponse } from '../../http/api-types.js';
import type { VerbContext } from '../context.js';
import { printJson } from '../context.js';
import { renderStatus } from '../render-status.js';

export async function showStatus(context: VerbContext): Promise<number> {
  const hasQuorum = (answer: StatusResponse): boolean => answer.quorum?.has === true;
  const leads = (answer: StatusResponse): boolean => hasQuorum(answer) && answer.leader === answer.manager;
  const status = await context.link.get<StatusResponse>('/status', leads, hasQuorum);
  if (context.json) printJson(context.terminal, status);
  else context.terminal.out(renderStatus(status, context.terminal.nowMs(), context.paint));
  return 0;
}
