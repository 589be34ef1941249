/**
 * Changes of the managers that a person asked for, on the leader: planned on what is in force, committed, and told as
 * exactly as it is known. The core allows one change at a time; what collides with another one (the keeper's, say) is
 * planned anew a moment later.
 */
import { HactlError } from '../base/index.js';
import type { ManagerId } from '../base/index.js';
import type { ClockPort } from '../ha/index.js';
import type {
  AddManagerRequest,
  ManagerChangeResponse,
  RemoveManagerRequest,
  TransferRequest,
} from '../http/index.js';
import type { MembershipChange, RaftNode } from '../raft/index.js';
import { planAdd, planRemove, planTransfer } from './managers-plan.js';
import type { ChangePlan, Plan, QuorumSight } from './managers-plan.js';

export interface ManagersChangeParts {
  readonly raft: RaftNode;
  readonly sight: () => QuorumSight;
  readonly clock: ClockPort;
}

/** Below the deadline of a forwarded request: whoever waits is told what is known. */
const changeWithinMs = 10_000;
const retryEveryMs = 100;
const transferWithinMs = 10_000;

export function addManager(parts: ManagersChangeParts, request: AddManagerRequest): Promise<ManagerChangeResponse> {
  return change(parts, request.dryRun, request.id, () => planAdd(parts.sight(), request));
}

export async function removeManager(
  parts: ManagersChangeParts,
  id: ManagerId,
  request: RemoveManagerRequest,
): Promise<ManagerChangeResponse> {
  return change(parts, request.dryRun, id, () => {
    const plan = planRemove(parts.sight(), id, request);
    if (plan !== null) return plan;
    throw new HactlError({
      code: 'not-found',
      what: `there is no manager ${id}, and there never was`,
      next: '`hactl managers` lists them',
    });
  });
}

export async function transferLeadership(
  parts: ManagersChangeParts,
  request: TransferRequest,
): Promise<ManagerChangeResponse> {
  const { raft } = parts;
  const plan = decided(parts, planTransfer(parts.sight(), request), request.dryRun);
  if ('outcome' in plan) return plan;
  const outcome = await raft.transferLeadership(plan.change, transferWithinMs);
  switch (outcome.kind) {
    case 'transferred':
      return {
        ...response(parts, plan, 'changed', false), leader: outcome.leader, sentence: `${outcome.leader} leads now`,
      };
    case 'refused':
      throw new HactlError({
        code: 'refused',
        what: 'the leadership was not handed over',
        why: outcome.reason,
        next: 'try again, or name another manager with --to; `hactl managers` shows how far each has come',
      });
    case 'unknown':
      throw new HactlError({
        code: 'unknown-outcome',
        what: 'this manager leads no more, or not for long, and who leads now is not known yet',
        why: outcome.reason,
        next: '`hactl status` tells; the managers elect a leader by themselves',
      });
  }
}

async function change(
  parts: ManagersChangeParts,
  isDryRun: boolean,
  id: string,
  planNow: () => Plan<MembershipChange>,
): Promise<ManagerChangeResponse> {
  const { raft, clock } = parts;
  const untilMs = clock.nowMs() + changeWithinMs;
  for (;;) {
    const plan = decided(parts, planNow(), isDryRun);
    if ('outcome' in plan) return plan;
    if (plan.change.kind === 'remove' && plan.change.id === raft.status().id) await leaveFirst(parts);
    const outcome = await raft.changeMembership(plan.change, changeWithinMs);
    if (outcome.kind === 'applied') return response(parts, plan, 'changed', false);
    if (outcome.kind === 'unknown') throw notCommitted(id, outcome.reason);
    if (outcome.kind === 'not-leader') throw notLeader(outcome.leader);
    if (!outcome.isPassing || clock.nowMs() >= untilMs) throw notTaken(id, outcome.reason);
    await clock.sleep(retryEveryMs);
  }
}

/** A leader that removed itself would leave the others without one for an election. Always throws. */
async function leaveFirst({ raft }: ManagersChangeParts): Promise<never> {
  const { id } = raft.status();
  const outcome = await raft.transferLeadership(null, transferWithinMs);
  if (outcome.kind === 'refused') throw notTaken(id, `it leads, and cannot hand over: ${outcome.reason}`);
  throw notLeader(outcome.kind === 'transferred' ? outcome.leader : null);
}

/** The answer, or the plan that is to be carried out. Throws `refused`. */
function decided<Change>(
  parts: ManagersChangeParts,
  plan: Plan<Change>,
  isDryRun: boolean,
): ManagerChangeResponse | ChangePlan<Change> {
  if (plan.kind === 'unchanged') return response(parts, plan, 'unchanged', isDryRun);
  if (isDryRun) return response(parts, plan, 'planned', true);
  if (plan.kind === 'change') return plan;
  throw new HactlError({ code: 'refused', what: plan.what, details: plan.reasons, next: plan.next });
}

function response<Change>(
  { raft }: ManagersChangeParts,
  plan: Plan<Change>,
  outcome: ManagerChangeResponse['outcome'],
  dryRun: boolean,
): ManagerChangeResponse {
  const { leader } = raft.status();
  const nothing = { dryRun, outcome, plan: [], risks: [], refusals: [], next: null, leader };
  switch (plan.kind) {
    case 'unchanged':
      return { ...nothing, sentence: plan.sentence };
    case 'refused':
      return { ...nothing, sentence: plan.what, refusals: plan.reasons, next: plan.next };
    case 'change': {
      const sentence = outcome === 'changed' ? plan.done : 'nothing was changed';
      return { ...nothing, sentence, plan: plan.steps, risks: plan.risks };
    }
  }
}

function notCommitted(id: string, why: string): HactlError {
  return new HactlError({
    code: 'unknown-outcome',
    what: `the change of ${id} is in the log of this manager, was not committed in time, and may come into force yet`,
    why,
    next: '`hactl managers` tells; asking again does nothing that is done already',
  });
}

function notTaken(id: string, why: string): HactlError {
  return new HactlError({
    code: 'refused',
    what: `the change of ${id} was not taken`,
    why,
    next: 'nothing was changed; look at `hactl managers` and try again',
  });
}

function notLeader(leader: ManagerId | null): HactlError {
  return new HactlError({
    code: 'not-leader',
    what: 'this manager does not lead any more',
    why: leader === null ? 'an election is running' : `${leader} leads now`,
    next: 'nothing was changed yet; ask again: the new leader does it',
  });
}
