/** `hactl managers` as text: the list, and plans of changes. Pure: colours come in. */
import type { ManagerChangeResponse, ManagerMember, ManagersResponse } from '../http/api-types.js';
import type { Cell } from './columns.js';
import { cell, columns } from './columns.js';
import { roughSpan } from './spans.js';
import type { Paint } from './terminal.js';

/** Behind by less is what writing looks like. */
const behindWorthSaying = 100;

export function listed(names: readonly string[]): string {
  if (names.length <= 1) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

function lossesWords(losses: number): string {
  if (losses === 0) return 'none may fail';
  return losses === 1 ? 'any 1 may fail' : `any ${losses} may fail`;
}

/** `3 voters (m1, m2 and m3), any 1 may fail; m1 leads`. */
export function quorumWords({ managers, toleratedLosses, leader }: ManagersResponse): string {
  const idsOf = (part: string): string[] => managers.filter((one) => one.part === part).map((one) => one.id);
  const voters = idsOf('voter');
  const learners = idsOf('learner');
  const also = learners.length === 0 ? '' : `; ${learners.length === 1 ? 'learner' : 'learners'} ${listed(learners)}`;
  const leads = leader === null ? 'nobody leads now' : `${leader} leads`;
  const count = voters.length === 1 ? '1 voter' : `${voters.length} voters`;
  return `${count} (${listed(voters)}), ${lossesWords(toleratedLosses)}; ${leads}${also}`;
}

function answerWords(member: ManagerMember): string {
  const { reachable, roundTripMs, lastHeardMs } = member;
  if (reachable) return roundTripMs === null ? '' : `${roundTripMs.toFixed(1)}ms`;
  return lastHeardMs === null ? 'never heard' : `heard ${roughSpan(lastHeardMs)} ago`;
}

function noteWords({ then, replaces, isReceivingSnapshot, isStuck, isDiskLow }: ManagerMember): string {
  const notes: string[] = [];
  if (then === 'vote') notes.push('votes once it has caught up');
  if (then === 'stay') notes.push('stays a learner');
  if (replaces !== null) notes.push(`replaces ${replaces}`);
  if (isReceivingSnapshot) notes.push('receives a snapshot');
  if (isStuck) notes.push('! stuck: it answers, but its log does not grow');
  if (isDiskLow) notes.push('! its disk is almost full');
  return notes.join('; ');
}

function memberRow(member: ManagerMember, isMixed: boolean, paint: Paint): Cell[] {
  const { id, part, role, reachable, behind, rpc, http, storeId, reducerMax } = member;
  const notes = noteWords(member);
  const doing = reachable ? role : 'unreachable';
  const behindText = behind === null ? '-' : behind === 0 ? 'level' : `${behind} behind`;
  const isFar = behind !== null && behind > behindWorthSaying;
  return [
    cell(`  ${id}`, `  ${paint('bold', id)}`),
    cell(part),
    cell(doing, reachable ? doing : paint('red', doing)),
    cell(answerWords(member)),
    cell(behindText, isFar ? paint('yellow', behindText) : behindText),
    cell(rpc ?? '-'),
    cell(http ?? '-'),
    cell(storeId ?? '-'),
    cell(isMixed ? String(reducerMax) : ''),
    cell(notes, notes.includes('!') ? paint('yellow', notes) : notes),
  ];
}

export function renderManagers(response: ManagersResponse, paint: Paint): string {
  const { clusterId, lineage, manager, leader, term, quorum, managers, removed, reason } = response;
  const { reducerVersion, isChanging } = response;
  const count = `${quorum.has ? 'quorum' : 'no quorum'} ${quorum.reachable}/${quorum.voters}`;
  const leads = leader === null ? 'no leader' : `${leader} leads`;
  const lines = [
    `managers of ${paint('bold', clusterId)}: ${leads} (term ${term}) · ${paint(quorum.has ? 'green' : 'red', count)}`
      + (quorum.voters === 0 ? '' : ` · ${lossesWords(response.toleratedLosses)}`),
  ];
  const isCalm = quorum.has && leader !== null && managers.every((member) => member.reachable);
  if (!isCalm) lines.push(`  ${reason} (seen from ${manager})`);
  // Said only where it matters: in the middle of an upgrade.
  const isMixed = managers.some((member) => member.reducerMax !== reducerVersion);
  const head = ['  id', 'part', 'role', 'answers', 'log', 'rpc', 'http', 'store', isMixed ? 'version' : '', '']
    .map((text) => cell(text, paint('dim', text)));
  if (managers.length > 0) lines.push(...columns([head, ...managers.map((one) => memberRow(one, isMixed, paint))]));
  if (isMixed) lines.push(`version ${reducerVersion} is in use; a newer one will be when all voters understand it`);
  if (isChanging) lines.push('a change of the managers is in the log and not committed yet');
  if (lineage !== null) {
    lines.push(`recovered from a lost quorum: a new manager needs \`init --join --lineage ${lineage}\``);
  }
  if (removed.length > 0) lines.push(`removed: ${removed.join(', ')} (an id is used once)`);
  if (leader !== null && leader !== manager) {
    const at = managers.find((one) => one.id === leader)?.http ?? null;
    const where = at === null ? '' : `: ask it at --url ${at}, or name it in HACTL_URL`;
    lines.push(`seen from ${manager}; only the leader ${leader} knows how far each log is${where}`);
  }
  return `${lines.join('\n')}\n`;
}

export function renderPlan(title: string, response: ManagerChangeResponse): string {
  const lines = [`${title}:`];
  response.plan.forEach((step, at) => lines.push(`  ${at + 1}. ${step}`));
  if (response.refusals.length > 0) {
    lines.push('it would be refused:', ...response.refusals.map((reason) => `  - ${reason}`));
    if (response.next !== null) lines.push(`next: ${response.next}`);
  }
  if (response.risks.length > 0) lines.push('mind:', ...response.risks.map((risk) => `  - ${risk}`));
  return `${lines.join('\n')}\n`;
}
