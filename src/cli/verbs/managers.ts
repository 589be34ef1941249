/**
 * `hactl managers`: who the managers are, and changes of that: add, remove, transfer. Each shows its plan and what is
 * risky about it, asks, and tells what came of it; all may be repeated when an answer was lost.
 */
import { errorExitCodes, HactlError } from '../../base/index.js';
import type {
  AddManagerRequest,
  ManagerChangeResponse,
  ManagersResponse,
  RemoveManagerRequest,
  TransferRequest,
} from '../../http/api-types.js';
import type { VerbContext } from '../context.js';
import { printJson, say } from '../context.js';
import { followMember, getManagers } from '../follow-member.js';
import { isAgreed, requireAnswerable } from '../question.js';
import { quorumWords, renderManagers, renderPlan } from '../render-managers.js';

export interface ChangeOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
}

export interface AddOptions extends ChangeOptions {
  readonly id: string;
  readonly rpc: string;
  readonly http: string;
  readonly learner: boolean;
  readonly replaces: string | null;
}

export async function listManagers(context: VerbContext): Promise<number> {
  const managers = await getManagers(context);
  if (context.json) printJson(context.terminal, managers);
  else context.terminal.out(renderManagers(managers, context.paint));
  return 0;
}

interface Change extends ChangeOptions {
  readonly title: string;
  readonly question: string;
  readonly ask: (dryRun: boolean) => Promise<ManagerChangeResponse>;
  /** What is waited for once it is committed. */
  readonly follow: (answer: ManagerChangeResponse) => Promise<ManagersResponse>;
}

async function carryOut(context: VerbContext, change: Change): Promise<number> {
  const { terminal, json } = context;
  const { title, dryRun, yes, ask } = change;
  if (!dryRun) requireAnswerable(terminal, yes);
  if (dryRun || !yes) {
    const plan = await ask(true);
    const isNothing = plan.outcome === 'unchanged';
    if (dryRun && json) printJson(terminal, plan);
    else if (!isNothing) say(context, renderPlan(title, plan));
    else if (dryRun) say(context, `nothing to do: ${plan.sentence}\n`);
    if (dryRun) return plan.refusals.length === 0 ? 0 : errorExitCodes.refused;
    if (plan.refusals.length > 0) {
      const { sentence: what, refusals: details, next } = plan;
      throw new HactlError({ code: 'refused', what, details, ...(next === null ? {} : { next }) });
    }
    if (!isNothing && !(await isAgreed(terminal, yes, change.question))) {
      throw new HactlError({ code: 'refused', what: 'not done', why: 'the question was not answered with yes' });
    }
  }
  const done = await ask(false);
  say(context, done.outcome === 'unchanged' ? `nothing to do: ${done.sentence}\n` : `${done.sentence}\n`);
  if (yes) for (const risk of done.risks) say(context, `  mind: ${risk}\n`);
  const managers = await change.follow(done);
  if (json) printJson(terminal, { ...done, managers });
  else terminal.out(`${quorumWords(managers)}\n`);
  return 0;
}

export function addManager(context: VerbContext, options: AddOptions): Promise<number> {
  const { id, rpc, http, learner, replaces } = options;
  return carryOut(context, {
    ...options,
    title: replaces === null ? `add the manager ${id}` : `replace the manager ${replaces} by ${id}`,
    question: replaces === null ? `add ${id}?` : `replace ${replaces} by ${id}?`,
    ask: (dryRun) => {
      const body: AddManagerRequest = { id, rpc, http, learner, replaces, dryRun };
      return context.link.post<ManagerChangeResponse>('/managers', body);
    },
    follow: ({ outcome }) =>
      learner ? getManagers(context) : followMember(context, { id, replaces, isNew: outcome === 'changed' }),
  });
}

export function removeManager(context: VerbContext, id: string, options: ChangeOptions & { readonly force: boolean }) {
  const { force } = options;
  return carryOut(context, {
    ...options,
    title: `remove the manager ${id}`,
    question: `remove ${id} for ever?`,
    ask: (dryRun) => {
      const body: RemoveManagerRequest = { force, dryRun };
      return context.link.post<ManagerChangeResponse>(`/managers/${encodeURIComponent(id)}/remove`, body);
    },
    follow: () => getManagers(context),
  });
}

export async function transferLeadership(
  context: VerbContext,
  to: string | null,
  options: ChangeOptions,
): Promise<number> {
  // Before the first word is sent, so that a repetition knows that the leadership has moved already.
  const { leader: from } = await getManagers(context);
  return carryOut(context, {
    ...options,
    title: `hand over the leadership${from === null ? '' : ` of ${from}`}${to === null ? '' : ` to ${to}`}`,
    question: 'hand over now?',
    ask: (dryRun) => {
      const body: TransferRequest = { to, from, dryRun };
      return context.link.post<ManagerChangeResponse>('/managers/transfer', body);
    },
    follow: () => getManagers(context),
  });
}
