/**
 * `hactl switchover CLUSTER`: reasons against it and the plan first, a question, then the change, followed step by
 * step until it ends. The operation belongs to the managers: it goes on when this program is ended.
 */
import { errorExitCodes, HactlError } from '../../base/index.js';
import type { SwitchoverRequest, SwitchoverResponse } from '../../http/api-types.js';
import type { VerbContext } from '../context.js';
import { printJson, say } from '../context.js';
import { followOperation } from '../follow-operation.js';
import { isAgreed, requireAnswerable } from '../question.js';
import { durationMs } from '../render-operation.js';
import { exactSpan } from '../spans.js';

export interface SwitchoverOptions {
  readonly cluster: string;
  readonly to: string | null;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

function planText(cluster: string, response: SwitchoverResponse): string {
  const lines = [`switchover of ${cluster}: ${response.oldPrimary} -> ${response.newPrimary ?? '?'}`];
  response.plan.forEach((sentence, at) => lines.push(`  ${at + 1}. ${sentence}`));
  if (response.refusals.length > 0) {
    lines.push('it would be refused:', ...response.refusals.map((reason) => `  - ${reason}`));
  }
  return `${lines.join('\n')}\n`;
}

function refused(cluster: string, refusals: readonly string[]): HactlError {
  return new HactlError({
    code: 'refused',
    what: `a switchover of ${cluster} is refused`,
    next: 'repair what is listed, or choose another target with --to',
    details: refusals,
  });
}

export async function switchOver(context: VerbContext, options: SwitchoverOptions): Promise<number> {
  const { terminal, link } = context;
  const { cluster, to } = options;
  if (!options.dryRun) requireAnswerable(terminal, options.yes);
  const path = `/clusters/${encodeURIComponent(cluster)}/switchover`;
  const ask = (dryRun: boolean): Promise<SwitchoverResponse> => {
    const body: SwitchoverRequest = { to, dryRun, requestId: terminal.newId() };
    return link.post<SwitchoverResponse>(path, body);
  };

  if (options.dryRun || !options.yes) {
    const plan = await ask(true);
    if (options.dryRun && context.json) printJson(terminal, plan);
    else say(context, planText(cluster, plan));
    if (options.dryRun) return plan.refusals.length === 0 ? 0 : errorExitCodes.refused;
    if (plan.refusals.length > 0) throw refused(cluster, plan.refusals);
    if (!(await isAgreed(terminal, options.yes, 'switch over now?'))) {
      throw new HactlError({ code: 'refused', what: 'not done', why: 'the question was not answered with yes' });
    }
  }
  const started = await ask(false);
  if (started.operationId === null) throw refused(cluster, started.refusals);
  say(context, `switchover ${started.operationId} of ${cluster} has begun\n`);
  const operation = await followOperation(context, started.operationId);

  if (operation.phase !== 'done') {
    const outcome = operation.phase === 'blocked' ? 'is blocked' : 'was rolled back';
    throw new HactlError({
      code: 'operation-failed',
      what: `the switchover ${operation.id} ${outcome}`,
      why: operation.reason,
      next: `\`hactl show ${operation.id}\` tells every step, \`hactl status\` how the cluster is now`,
    });
  }
  if (context.json) printJson(terminal, operation);
  else {
    const took = exactSpan(durationMs(operation) ?? 0);
    terminal.out(`done in ${took}: ${operation.newPrimary} is the primary of ${cluster}\n`);
  }
  return 0;
}
