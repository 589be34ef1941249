/**
 * What a change of the managers would do, what is risky about it, and what speaks against it. Pure: the leader's view
 * comes in. Whatever the core would refuse is refused here first, with the next thing to do; what is so already is no
 * error, so that a request whose answer was lost can be made again.
 */
import type { ManagerId } from '../base/index.js';
import { managerId } from '../base/index.js';
import type { AddManagerRequest, RemoveManagerRequest, TransferRequest } from '../http/index.js';
import { listed } from '../http/index.js';
import { isMember, isVoter, memberOf, membersMax } from '../raft/index.js';
import type { Learner, Member, Membership, MembershipChange } from '../raft/index.js';
import { marginRisk, sizeRisks, whyTooFew } from './quorum-margin.js';

/** The quorum as its leader sees it. */
export interface QuorumSight {
  /** It leads. */
  readonly self: ManagerId;
  readonly membership: Membership;
  /** It answers and its log grows: a commit can count on it. True for the leader. */
  readonly counts: (id: ManagerId) => boolean;
  /** Entries that it lacks; null: not known. */
  readonly behind: (id: ManagerId) => number | null;
  readonly isDiskLow: (id: ManagerId) => boolean;
  /** What a connected manager says of itself, member or not; null: it is not connected. */
  readonly about: (id: ManagerId) => { readonly storeId: string | null; readonly reducerMax: number | null } | null;
  readonly reducerVersion: number;
  /** `failover op-1 of app1`. */
  readonly operations: readonly string[];
}

export interface ChangePlan<Change> {
  readonly kind: 'change';
  readonly change: Change;
  /** The sentence when it has been done. */
  readonly done: string;
  readonly steps: readonly string[];
  readonly risks: readonly string[];
}

export type Plan<Change> =
  | ChangePlan<Change>
  | { readonly kind: 'unchanged'; readonly sentence: string }
  | { readonly kind: 'refused'; readonly what: string; readonly reasons: readonly string[]; readonly next: string };

/** A learner that lacks no more than this would not hold up commits by its vote. */
const behindMax = 100;

export function planAdd(sight: QuorumSight, request: AddManagerRequest): Plan<MembershipChange> {
  const { membership } = sight;
  const known = memberOf(membership, managerId(request.id));
  if (known !== null) return planKnown(sight, request, known);
  const { reasons, next } = objectionsToAdd(sight, request);
  if (reasons.length > 0) return { kind: 'refused', what: `${request.id} cannot be added`, reasons, next };
  const { id, rpc, http, learner, replaces } = request;
  const about = sight.about(managerId(id));
  const change: Learner = {
    id: managerId(id), rpc, http, storeId: about?.storeId ?? null, reducerMax: about?.reducerMax ?? 1,
    replaces: replaces === null ? null : managerId(replaces), then: learner ? 'stay' : 'vote',
  };
  const risks = learner ? [] : addRisks(membership.voters.length, replaces);
  if (about === null) {
    risks.unshift(`${id} has not been heard here yet: make its store with \`hactl init --join\` and start it`);
  }
  return {
    kind: 'change', change: { kind: 'add', learner: change }, done: `${id} is a learner now`,
    steps: addSteps(request, membership.voters.length), risks,
  };
}

function addSteps({ id, rpc, learner, replaces }: AddManagerRequest, votersBefore: number): string[] {
  const steps = [`add ${id} at ${rpc} as a learner: it gets the whole log and counts for nothing`];
  if (learner) return [...steps, 'it stays a learner; adding it again without --learner makes it vote'];
  const voters = votersBefore + 1;
  const size = `${voters} voters, of which ${majority(voters)} are a majority`;
  steps.push(`when it has caught up it votes, by itself: ${size}`);
  if (replaces !== null) {
    steps.push(`then ${replaces} is removed, by itself and for ever: ${votersBefore} voters again`);
  }
  return steps;
}

function addRisks(votersBefore: number, replaces: string | null): string[] {
  if (replaces === null) return sizeRisks(votersBefore + 1);
  return [...sizeRisks(votersBefore), `the id ${replaces} can never be used again`];
}

interface Objections {
  readonly reasons: readonly string[];
  readonly next: string;
}

function objectionsToAdd({ membership, about, reducerVersion }: QuorumSight, request: AddManagerRequest): Objections {
  const { id, rpc, http, learner, replaces } = request;
  const { voters, learners, removed } = membership;
  if (removed.includes(managerId(id))) {
    const why = `${id} was removed, and an id is used once: what it promised is bound to it`;
    return { reasons: [why], next: 'give the new manager an id that was never used, and an empty data_dir' };
  }
  const reasons: string[] = [];
  if (rpc === http) reasons.push(`--rpc and --http are the same address, ${rpc}`);
  for (const member of [...voters, ...learners]) {
    for (const address of [rpc, http]) {
      if (member.rpc === address || member.http === address) reasons.push(`${address} is an address of ${member.id}`);
    }
  }
  if (voters.length + learners.length >= membersMax) {
    reasons.push(`there are ${membersMax} managers, which is the most`);
  }
  if (replaces !== null && !isVoter(membership, managerId(replaces))) {
    const isLearner = isMember(membership, managerId(replaces));
    reasons.push(isLearner ? `${replaces} is a learner: remove it instead` : `${replaces} is not a manager`);
  }
  if (replaces !== null && learner) reasons.push('a learner replaces nobody: leave out --learner or --replaces');
  const build = about(managerId(id))?.reducerMax ?? null;
  if (build !== null && build < reducerVersion) {
    reasons.push(`its build understands version ${build}, the managers are at ${reducerVersion}: use a newer build`);
  }
  return { reasons, next: '`hactl managers` shows who they are; nothing was changed' };
}

/** It is there: the same facts are no error, and a learner that was to stay may be made a voter. */
function planKnown(sight: QuorumSight, request: AddManagerRequest, known: Member | Learner): Plan<MembershipChange> {
  const { id } = known;
  const { membership } = sight;
  const then = 'then' in known ? known.then : null;
  const reasons: string[] = [];
  for (const kind of ['rpc', 'http'] as const) {
    const is = known[kind];
    if (is !== null && is !== request[kind]) reasons.push(`its --${kind} is ${is}, not ${request[kind]}`);
  }
  const replaced = request.replaces === null ? null : managerId(request.replaces);
  const isReplaced = replaced === null || known.replaces === replaced || membership.removed.includes(replaced);
  if (!isReplaced) reasons.push(`it was not added to replace ${request.replaces}: remove that one instead`);
  if (request.learner && then !== 'stay') reasons.push(`it is a ${then === null ? 'voter' : 'voter to be'} already`);
  const isToVote = then === 'stay' && !request.learner;
  if (isToVote && !sight.counts(id)) reasons.push('it does not answer, and cannot be made a voter now');
  const behind = sight.behind(id) ?? Infinity;
  if (isToVote && sight.counts(id) && behind > behindMax) reasons.push('it has not caught up yet');
  if (reasons.length > 0) {
    const next = 'a manager tells its addresses itself when it starts: change its manager.yaml; nothing was changed';
    return { kind: 'refused', what: `${id} is a manager already`, reasons, next };
  }
  const part = then === null ? 'votes' : then === 'vote' ? 'votes once it has caught up' : 'is a learner';
  if (!isToVote) return { kind: 'unchanged', sentence: `${id} is a manager already, and ${part}` };
  const voters = membership.voters.length + 1;
  return {
    kind: 'change', change: { kind: 'promote', id }, done: `${id} votes now`,
    steps: [`make the learner ${id} a voter: ${voters} voters, of which ${majority(voters)} are a majority`],
    risks: sizeRisks(voters),
  };
}

/** Null instead of a plan: nobody of that id was ever here. */
export function planRemove(
  sight: QuorumSight,
  id: ManagerId,
  { force }: RemoveManagerRequest,
): Plan<MembershipChange> | null {
  const { membership, self } = sight;
  if (membership.removed.includes(id)) return { kind: 'unchanged', sentence: `${id} was removed already` };
  if (!isMember(membership, id)) return null;
  const change = { kind: 'remove', id } as const;
  const forEver = `the id ${id} can never be used again; to come back it needs another id and an empty data_dir`;
  const done = `${id} is not a manager any more`;
  const ends = sight.counts(id)
    ? 'its process ends by itself with exit code 3: take it out of its supervisor'
    : 'it does not answer: if its process runs somewhere, stop it; the others refuse it from now on';
  if (!isVoter(membership, id)) {
    return { kind: 'change', change, done, steps: [`take the learner ${id} off the list`, ends], risks: [forEver] };
  }
  const remaining = membership.voters.map((voter) => voter.id).filter((voter) => voter !== id);
  if (remaining.length === 0) {
    const next = 'a quorum needs a voter: add another manager first';
    return { kind: 'refused', what: `${id} cannot be removed`, reasons: [`${id} is the last voter`], next };
  }
  const tooFew = whyTooFew(remaining, sight.counts);
  if (tooFew !== null && !force) {
    const away = remaining.filter((voter) => !sight.counts(voter));
    const next = `bring ${listed(away)} back first, or replace what is dead: `
      + `\`hactl managers add NEW --rpc .. --http .. --replaces ${away[0]}\`; --force removes ${id} all the same`;
    return { kind: 'refused', what: `without ${id} there would be no majority`, reasons: [tooFew], next };
  }
  const left = remaining.length;
  const size = `${voterCount(left)}, of which ${majority(left)} are a majority`;
  const steps = [`take ${id} off the list of voters: ${size}`, ends];
  if (id === self) steps.unshift(`${id} leads: hand the leadership to another voter first`);
  const risks = [...(tooFew === null ? marginRisk(remaining, sight.counts) : [tooFew]), ...sizeRisks(left), forEver];
  return { kind: 'change', change, done, steps, risks };
}

/** The change is the wanted successor; null: whoever is best prepared. */
export function planTransfer(sight: QuorumSight, request: TransferRequest): Plan<ManagerId | null> {
  const { self, membership, operations } = sight;
  const { to, from } = request;
  if (to === self) return { kind: 'unchanged', sentence: `${self} leads already` };
  if (to === null && from !== null && from !== self) {
    return { kind: 'unchanged', sentence: `${self} leads already; it was ${from} when you asked` };
  }
  const refused = (reason: string, next: string): Plan<ManagerId | null> =>
    ({ kind: 'refused', what: 'the leadership cannot be handed over', reasons: [reason], next });
  const others = membership.voters.map((voter) => voter.id).filter((id) => id !== self && sight.counts(id));
  const able = others.length === 0 ? 'nobody' : listed(others);
  if (to !== null && !others.includes(managerId(to))) {
    const isLearner = isMember(membership, managerId(to)) && !isVoter(membership, managerId(to));
    const isKnown = isMember(membership, managerId(to));
    const why = isLearner ? 'is a learner, and only voters lead' : isKnown ? 'does not answer' : 'is not a manager';
    return refused(`${to} ${why}`, `${able} could lead; ${self} leads on`);
  }
  if (others.length === 0) return refused('no other voter answers', `${self} leads on; bring another voter back`);
  const risks = operations.map((operation) =>
    `${operation} runs: the new leader takes it over, and rolls back a switchover that has not promoted yet`);
  if (to !== null && sight.isDiskLow(managerId(to))) {
    risks.push(`the disk of ${to} is almost full: it hands the leadership on at once`);
  }
  const best = others.length === 1 ? able : `the best prepared of ${able}`;
  return {
    kind: 'change', change: to === null ? null : managerId(to), done: `${self} leads no more`, risks,
    steps: [
      `${self} takes nothing new until ${to ?? best} has the whole log, for an election timeout at most`,
      `${to ?? 'that one'} leads; nothing happens to the servers`,
    ],
  };
}

const majority = (voters: number): number => Math.floor(voters / 2) + 1;
const voterCount = (voters: number): string => (voters === 1 ? '1 voter' : `${voters} voters`);
