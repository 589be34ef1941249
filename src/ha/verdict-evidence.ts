/**
 * What the rules of the verdict look at, gathered once: who sees the primary how, who votes, who reaches what, which
 * replica still hears it. Pure. All times are the leader's monotonic clock at receipt, plus what an observer says of
 * durations on its own clock; no two clocks are ever compared.
 *
 * Votes come from the confirming round only: an ordinary observation may have been taken before a sleep of the leader,
 * an answer to a nonce cannot.
 */
import { isMiss } from '../base/index.js';
import type { ManagerId, ProbeKind, ProbeOutcome, ServerName } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import type { Observation, ReceivedObservation } from './observation.js';
import { staleAfterMs } from './observation-table.js';
import type { ReplicaTestimony } from './observation-table.js';
import { judgeReplica } from './verdict-replicas.js';
import type { ReplicaEvidence } from './verdict-replicas.js';

export interface ConfirmingRound {
  readonly nonce: string;
  /** When the nonce left, by the leader's clock. */
  readonly sentAtMs: number;
  /** What came in; observations with another nonce are ignored. */
  readonly observations: readonly Observation[];
}

export interface VerdictInput {
  readonly spec: ClusterSpec;
  readonly primary: ServerName;
  readonly voters: readonly ManagerId[];
  /** Who judges: it must see the primary down itself. */
  readonly leader: ManagerId;
  /** ObservationTable.latest. */
  readonly observations: readonly ReceivedObservation[];
  /** ObservationTable.testimony. */
  readonly testimony: readonly ReplicaTestimony[];
  readonly nowMs: number;
  /** The latest round for this primary. One sent before the suspicion, or too long ago, is as good as none. */
  readonly round: ConfirmingRound | null;
}

export interface ManagerEvidence {
  readonly manager: ManagerId;
  readonly isVoter: boolean;
  /** What it sees of the primary; null when it has said nothing lately (in the round, where there is one). */
  readonly saw: ProbeKind | null;
  readonly detail: string;
  /** How long it has missed the primary, by its own clock. */
  readonly missingForMs: number;
  readonly votesDead: boolean;
  /** Other servers of the cluster that answer it. */
  readonly reaches: readonly ServerName[];
}

/** Plain data: committed with a failover, shown in status and history. */
export interface VerdictEvidence {
  readonly votersNeeded: number;
  readonly voters: number;
  readonly roundNonce: string | null;
  readonly managers: readonly ManagerEvidence[];
  readonly replicas: readonly ReplicaEvidence[];
}

/** The leader's own latest look at the primary. */
export interface LeaderSight {
  readonly outcome: ProbeOutcome;
  readonly misses: number;
  readonly firstMissAtMs: number;
  readonly missingMs: number;
}

/** All that a rule may ask. */
export interface Case {
  readonly primary: ServerName;
  readonly leader: ManagerId;
  readonly isLeaderVoter: boolean;
  readonly othersDeclared: number;
  readonly sight: LeaderSight | null;
  /** A miss that has lasted long enough to ask the others about. */
  readonly isSuspicion: boolean;
  readonly hasRound: boolean;
  /** Other servers of which the leader knows anything fresh. */
  readonly leaderAsked: number;
  readonly leaderReaches: number;
  /** Voters that have answered since the suspicion, so that they cannot vote: alive, hung or well. */
  readonly answered: readonly ManagerId[];
  readonly votes: readonly ManagerEvidence[];
  readonly evidence: VerdictEvidence;
}

export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

export function gatherCase(input: VerdictInput): Case {
  const { spec, primary, voters, leader, nowMs } = input;
  const fresh = input.observations.filter(({ receivedAtMs }) => nowMs - receivedAtMs <= staleAfterMs(spec));
  const sight = leaderSight(fresh, input);
  const round = sight === null ? null : validRound(input, sight);
  const seen: readonly Observation[] = round === null ? fresh : round.observations;
  const others = spec.servers.filter(({ name }) => name !== primary).map(({ name }) => name);
  const names = [...new Set([...voters, ...seen.map(({ manager }) => manager)])];
  const managers = names.map((name) => managerEvidence(name, seen, round, fresh, others, input));
  const ofLeader = latestBy(seen, leader);
  return {
    primary,
    leader,
    isLeaderVoter: voters.includes(leader),
    othersDeclared: others.length,
    sight,
    isSuspicion: sight !== null && isSuspicion(sight, spec),
    hasRound: round !== null,
    leaderAsked: others.filter((name) => ofLeader.has(name)).length,
    leaderReaches: managers.find(({ manager }) => manager === leader)?.reaches.length ?? 0,
    answered: sight === null ? [] : answeredSince(fresh, voters, primary, sight.firstMissAtMs),
    votes: managers.filter(({ votesDead }) => votesDead),
    evidence: {
      votersNeeded: majorityOf(voters.length),
      voters: voters.length,
      roundNonce: round?.nonce ?? null,
      managers,
      // Asked only about a primary that is missed: "still receiving" has no meaning otherwise.
      replicas: sight !== null && isMiss(sight.outcome.kind)
        ? others.map((name) => replicaEvidence(name, fresh, round, sight, input))
        : [],
    },
  };
}

function leaderSight(fresh: readonly ReceivedObservation[], input: VerdictInput): LeaderSight | null {
  const own = fresh.findLast(({ manager, server }) => manager === input.leader && server === input.primary);
  if (own === undefined) return null;
  const firstMissAtMs = own.receivedAtMs - own.missingForMs;
  return { outcome: own.outcome, misses: own.misses, firstMissAtMs, missingMs: input.nowMs - firstMissAtMs };
}

/** Design section 5: a closed port must last, silence must come twice. */
function isSuspicion({ outcome, misses, missingMs }: LeaderSight, spec: ClusterSpec): boolean {
  switch (outcome.kind) {
    case 'refused':
    case 'reset':
      return missingMs >= spec.detection.confirmMs;
    case 'timeout':
    case 'hung':
      return misses >= 2;
    case 'ok':
    case 'alive':
    case 'unknown':
      return false;
  }
}

/**
 * The round with its own observations only, the last one of each manager for each server. A round that left before the
 * leader's first miss confirms another suspicion; one as old as a stale observation confirms nothing any more.
 */
function validRound(input: VerdictInput, sight: LeaderSight): ConfirmingRound | null {
  const { round, spec, nowMs } = input;
  if (round === null || !isSuspicion(sight, spec)) return null;
  if (round.sentAtMs < sight.firstMissAtMs || nowMs - round.sentAtMs > staleAfterMs(spec)) return null;
  return { ...round, observations: round.observations.filter(({ nonce }) => nonce === round.nonce) };
}

function latestBy(seen: readonly Observation[], manager: ManagerId): ReadonlyMap<ServerName, Observation> {
  const latest = new Map<ServerName, Observation>();
  for (const one of seen) if (one.manager === manager) latest.set(one.server, one);
  return latest;
}

function managerEvidence(
  manager: ManagerId,
  seen: readonly Observation[],
  round: ConfirmingRound | null,
  fresh: readonly ReceivedObservation[],
  others: readonly ServerName[],
  input: VerdictInput,
): ManagerEvidence {
  const looks = latestBy(seen, manager);
  const answer = round === null ? null : answerAfter(round, manager, input.primary, fresh);
  const own = answer ?? looks.get(input.primary);
  const isVoter = input.voters.includes(manager);
  const saw = own?.outcome.kind ?? null;
  return {
    manager,
    isVoter,
    saw,
    detail: own === undefined ? '' : detailOf(own.outcome),
    missingForMs: own?.missingForMs ?? 0,
    votesDead: round !== null && isVoter && saw !== null && isMiss(saw) && saw !== 'hung',
    reaches: others.filter((name) => isAnswer(looks.get(name)?.outcome.kind)),
  };
}

/**
 * An answer that came in while the round ran: the primary may just have come back, so the vote waits for the next
 * one.
 */
function answerAfter(
  round: ConfirmingRound,
  manager: ManagerId,
  primary: ServerName,
  fresh: readonly ReceivedObservation[],
): Observation | null {
  const latest = fresh.findLast((one) => one.manager === manager && one.server === primary);
  if (latest === undefined || latest.nonce === round.nonce || latest.receivedAtMs < round.sentAtMs) return null;
  return isAnswer(latest.outcome.kind) ? latest : null;
}

function answeredSince(
  fresh: readonly ReceivedObservation[],
  voters: readonly ManagerId[],
  primary: ServerName,
  sinceMs: number,
): readonly ManagerId[] {
  return voters.filter((voter) => {
    const latest = fresh.findLast(({ manager, server }) => manager === voter && server === primary);
    if (latest === undefined || latest.receivedAtMs < sinceMs) return false;
    return isAnswer(latest.outcome.kind) || latest.outcome.kind === 'hung';
  });
}

function replicaEvidence(
  replica: ServerName,
  fresh: readonly ReceivedObservation[],
  round: ConfirmingRound | null,
  sight: LeaderSight,
  input: VerdictInput,
): ReplicaEvidence {
  const withinMs = 3 * input.spec.detection.intervalMs;
  const recent = fresh.filter((one) => one.server === replica && input.nowMs - one.receivedAtMs <= withinMs);
  const looks = round === null ? recent : round.observations.filter(({ server }) => server === replica);
  const reported = new Set(looks.map(({ manager }) => manager));
  const reached = recent.filter(({ outcome }) => outcome.kind === 'ok').map(({ manager }) => manager);
  return judgeReplica({
    replica,
    looks,
    testimony: input.testimony,
    awaited: reached.filter((manager) => !reported.has(manager)),
    firstMissAtMs: sight.firstMissAtMs,
    looksAfterMs: round === null
      ? Math.min(input.nowMs, ...recent.map(({ receivedAtMs }) => receivedAtMs))
      : round.sentAtMs,
  });
}

/** A living mysqld: a refused port may be a firewall's answer, which shows no way to the servers. */
function isAnswer(kind: ProbeKind | undefined): boolean {
  return kind === 'ok' || kind === 'alive';
}

function detailOf(outcome: ProbeOutcome): string {
  if (outcome.kind === 'ok') return '';
  return outcome.kind === 'alive' ? `${outcome.reason}: ${outcome.detail}` : outcome.detail;
}
