/**
 * The managers as the API shows them: who they are, what part each has in the quorum, what stands out. Pure; everything
 * said here is the view of the manager that answers, and only a leader knows how far the others have come.
 */
import type { ManagerId } from '../base/index.js';
import type { ManagerMember, ManagerRole, ManagersResponse, QuorumStatus } from './managers-types.js';

export interface PeerView {
  readonly id: ManagerId;
  readonly reachable: boolean;
  readonly roundTripMs: number | null;
  readonly lastHeardMs: number | null;
}

interface Member {
  readonly id: ManagerId;
  readonly rpc: string | null;
  readonly http: string | null;
  readonly storeId: string | null;
  readonly reducerMax: number;
  readonly replaces: ManagerId | null;
}

/** What Raft's status tells, as far as it is shown. */
export interface RaftView {
  readonly role: 'leader' | 'follower' | 'candidate' | 'pre-candidate';
  readonly term: number;
  readonly leader: ManagerId | null;
  readonly lastIndex: number;
  readonly membership: {
    readonly voters: readonly Member[];
    readonly learners: readonly (Member & { readonly then: 'vote' | 'stay' })[];
    readonly removed: readonly ManagerId[];
  };
  readonly isMembershipCommitted: boolean;
  /** Empty unless this manager leads. */
  readonly peers: readonly {
    readonly id: ManagerId;
    readonly match: number;
    readonly state: 'probe' | 'replicate' | 'snapshot';
    readonly isStuck: boolean;
    readonly isDiskLow: boolean;
  }[];
  readonly isDiskLow: boolean;
}

export interface ManagersInput {
  /** The manager that answers. */
  readonly manager: ManagerId;
  readonly clusterId: string;
  readonly raft: RaftView;
  /** The other managers, as the connections tell. */
  readonly peers: readonly PeerView[];
}

/** Enough to tell two data directories apart. */
const storeIdChars = 8;

export function listed(names: readonly string[]): string {
  if (names.length <= 1) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

/** How many of so many voters may fail with a majority left. */
export function toleratedLosses(voters: number): number {
  return Math.max(0, Math.ceil(voters / 2) - 1);
}

export function membersOf(input: ManagersInput): readonly ManagerMember[] {
  const { voters, learners } = input.raft.membership;
  return [
    ...voters.map((voter) => memberOf(input, voter, null)),
    ...learners.map((learner) => memberOf(input, learner, learner.then)),
  ];
}

function memberOf(input: ManagersInput, member: Member, then: 'vote' | 'stay' | null): ManagerMember {
  const { manager, raft, peers } = input;
  const { id, rpc, http, storeId, reducerMax, replaces } = member;
  const isSelf = id === manager;
  const peer = peers.find((candidate) => candidate.id === id);
  const progress = raft.peers.find((candidate) => candidate.id === id);
  const reachable = isSelf || (peer?.reachable ?? false);
  const isLeading = raft.role === 'leader';
  return {
    id,
    part: then === null ? 'voter' : 'learner',
    role: roleOf(raft, id, isSelf, reachable),
    reachable,
    roundTripMs: isSelf || !reachable ? null : (peer?.roundTripMs ?? null),
    lastHeardMs: isSelf ? null : (peer?.lastHeardMs ?? null),
    then,
    replaces,
    behind: isSelf ? (isLeading ? 0 : null) : progress === undefined ? null : raft.lastIndex - progress.match,
    isReceivingSnapshot: progress?.state === 'snapshot',
    isStuck: progress?.isStuck ?? false,
    isDiskLow: isSelf ? raft.isDiskLow : (progress?.isDiskLow ?? false),
    storeId: storeId?.slice(0, storeIdChars) ?? null,
    rpc,
    http,
    reducerMax,
  };
}

function roleOf(raft: RaftView, id: ManagerId, isSelf: boolean, reachable: boolean): ManagerRole {
  if (isSelf) return raft.role === 'pre-candidate' ? 'candidate' : raft.role;
  // A leader that is not reachable from here is still the last one known; `reachable` says the rest.
  if (raft.leader === id) return 'leader';
  return reachable ? 'follower' : 'unknown';
}

export function quorumOf(members: readonly ManagerMember[]): QuorumStatus {
  const voters = members.filter((member) => member.part === 'voter');
  const reachable = voters.filter((voter) => voter.reachable).length;
  return { reachable, voters: voters.length, has: voters.length > 0 && reachable > voters.length / 2 };
}

export function quorumReason(input: ManagersInput, members: readonly ManagerMember[], quorum: QuorumStatus): string {
  const { manager, raft } = input;
  if (quorum.voters === 0) {
    return `${manager} knows no managers yet: it waits until \`hactl managers add ${manager}\` has named it to them`;
  }
  if (raft.membership.removed.includes(manager)) return `${manager} was removed from the managers`;
  const voters = members.filter((member) => member.part === 'voter');
  const idsOf = (some: readonly ManagerMember[]): readonly string[] => some.map((member) => member.id);
  const up = idsOf(voters.filter((voter) => voter.reachable));
  const down = idsOf(voters.filter((voter) => !voter.reachable));
  if (!quorum.has) {
    const all = idsOf(voters).join(', ');
    if (up.length === 0) return `no quorum: none of ${all} is reachable; nothing is acted on until a majority is back`;
    const acts = up.length === 1 ? 'is reachable; it acts' : 'are reachable; they act';
    return `no quorum: only ${listed(up)} of ${all} ${acts} on nothing until a majority is back`;
  }
  const missing = down.length === 0 ? '' : `, ${listed(down)} ${down.length === 1 ? 'is' : 'are'} not`;
  const counts = `${quorum.reachable} of ${quorum.voters} managers reachable${missing}${learnersWords(members)}`;
  return raft.leader === null ? `no leader yet: an election is running; ${counts}` : `${raft.leader} leads; ${counts}`;
}

function learnersWords(members: readonly ManagerMember[]): string {
  const away = members.filter((member) => member.part === 'learner' && !member.reachable).map((member) => member.id);
  if (away.length === 0) return '';
  return away.length === 1 ? `; the learner ${listed(away)} is not` : `; the learners ${listed(away)} are not`;
}

/** What stands out, in words. */
export function managerProblems(member: ManagerMember): readonly string[] {
  const problems: string[] = [];
  const { part, then, behind, replaces } = member;
  if (part === 'learner') {
    const lack = behind === null || behind === 0 ? '' : `, ${behind} entries behind`;
    if (then === 'vote') problems.push(`will vote once it has caught up${lack}`);
    else if (lack !== '' && (behind ?? 0) > behindWorthSaying) problems.push(lack.slice(2));
  } else if (behind !== null && behind > behindWorthSaying) {
    problems.push(`${behind} entries behind`);
  }
  if (replaces !== null) problems.push(`replaces ${replaces}`);
  if (member.isReceivingSnapshot) problems.push('receives a snapshot');
  if (member.isStuck) problems.push('stuck: it answers, but its log does not grow');
  if (member.isDiskLow) problems.push('its disk is almost full');
  return problems;
}

/** A follower is always a little behind while something is written. */
const behindWorthSaying = 100;

export function managersResponse(
  input: ManagersInput, reducerVersion: number, lineage: string | null,
): ManagersResponse {
  const { manager, clusterId, raft } = input;
  const managers = membersOf(input);
  const quorum = quorumOf(managers);
  return {
    manager,
    clusterId,
    lineage,
    leader: quorum.has ? raft.leader : null,
    term: raft.term,
    quorum,
    toleratedLosses: toleratedLosses(quorum.voters),
    reason: quorumReason(input, managers, quorum),
    reducerVersion,
    isChanging: !raft.isMembershipCommitted,
    managers,
    removed: raft.membership.removed,
  };
}
