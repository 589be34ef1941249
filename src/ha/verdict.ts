/**
 * Is the primary dead? Pure: the same observations give the same verdict, on any manager and in the simulator. The
 * rules are an ordered table; the first that fits names the verdict, and its id goes with the sentence into log,
 * status and history, so that one can go from any of them to the row. It decides nothing about what to do: verdict-
 * subject.ts does.
 *
 * Invariants: DeadPrimary needs a confirming round, a majority of all voters with the leader among them, and at
 * least one replica that proves it hears nothing. A living answer (wrong password, too many connections, ...) and
 * an observer's own fault are never votes for death.
 */
import { assert } from '../base/index.js';
import type { ManagerId } from '../base/index.js';
import { gatherCase } from './verdict-evidence.js';
import type { Case, ManagerEvidence, VerdictEvidence, VerdictInput } from './verdict-evidence.js';
import { seconds } from './verdict-replicas.js';
import type { ReplicaState } from './verdict-replicas.js';

export type { ConfirmingRound, ManagerEvidence, VerdictEvidence, VerdictInput } from './verdict-evidence.js';
export type { ReplicaEvidence, ReplicaState } from './verdict-replicas.js';

/** With the words that status shows. */
export const verdictWords = {
  Healthy: 'healthy',
  /** Missed, and not yet for long enough or not yet by enough witnesses. */
  Suspected: 'suspected',
  DeadPrimary: 'dead primary',
  /** The managers cannot reach it, replicas can: no failover. */
  UnreachablePrimary: 'unreachable primary',
  ManagersIsolated: 'managers isolated',
  /** Connects or answers pings, and no statement ends. Reported only. */
  HungPrimary: 'hung primary',
  /** The leader sees it down, a majority of the voters does not, or has not said so. */
  NoMajority: 'no majority',
  PrimaryAliveButRefusing: 'primary refuses us',
  /** The leader has not enough to say. */
  Unknown: 'unknown',
} as const;

export type VerdictKind = keyof typeof verdictWords;

export interface Verdict {
  readonly kind: VerdictKind;
  /** Of the rule that fitted: stable, never reused for another meaning. */
  readonly rule: string;
  /** One sentence for people, with the evidence in it, without a full stop. */
  readonly reason: string;
  readonly evidence: VerdictEvidence;
  /** A (new) confirming round may change the verdict. The caller paces them. */
  readonly wantsRound: boolean;
}

interface Rule {
  readonly id: string;
  readonly kind: VerdictKind;
  readonly wantsRound?: true;
  when(seen: Case): boolean;
  say(seen: Case): string;
}

export const verdictRules: readonly Rule[] = [
  {
    id: 'V01',
    kind: 'Unknown',
    when: (seen) => seen.sight === null || !seen.isLeaderVoter,
    say: ({ sight, leader, primary }) =>
      sight === null ? `${leader} has no fresh look at ${primary} yet` : `${leader} is not a voting manager`,
  },
  {
    id: 'V02',
    kind: 'Unknown',
    when: (seen) => sees(seen) === 'unknown',
    say: (seen) => `${seen.leader} could not look at ${seen.primary}, by its own fault: ${detail(seen)}`,
  },
  {
    id: 'V03',
    kind: 'Healthy',
    when: (seen) => sees(seen) === 'ok',
    say: sayHealthy,
  },
  {
    id: 'V04',
    kind: 'PrimaryAliveButRefusing',
    when: (seen) => sees(seen) === 'alive',
    say: (seen) => `${seen.primary} lives and refuses ${seen.leader}: ${detail(seen)}`,
  },
  {
    id: 'V05',
    kind: 'Suspected',
    when: (seen) => seen.othersDeclared === 0,
    say: (seen) => `${missed(seen)}; no other server is declared that could tell more or take over`,
  },
  {
    id: 'V06',
    kind: 'ManagersIsolated',
    when: (seen) => seen.leaderAsked > 0 && seen.leaderReaches === 0,
    say: (seen) => `${missed(seen)}, and it reaches no other server of the cluster either: it may be cut off itself`,
  },
  {
    id: 'V07',
    kind: 'Suspected',
    when: (seen) => !seen.isSuspicion,
    say: (seen) => `${missed(seen)}: not yet long enough to act on`,
  },
  {
    id: 'V08',
    kind: 'HungPrimary',
    when: (seen) => sees(seen) === 'hung',
    say: (seen) => `${missed(seen)}: it is there, and its statements do not end`,
  },
  {
    // Known without a round, which could not succeed: what confirms a death is counted in the round alone (V12).
    id: 'V09',
    kind: 'NoMajority',
    when: (seen) => seen.evidence.voters - seen.answered.length < seen.evidence.votersNeeded,
    say: (seen) => `${missed(seen)}, but it is still there for ${list(seen.answered)}`,
  },
  {
    id: 'V10',
    kind: 'UnreachablePrimary',
    when: (seen) => replicasThat(seen, 'receiving') !== '',
    say: (seen) => `${missed(seen)}, but replicas still hear it (${replicasThat(seen, 'receiving')})`,
  },
  {
    id: 'V11',
    kind: 'Suspected',
    wantsRound: true,
    when: (seen) => !seen.hasRound,
    say: (seen) => `${missed(seen)}; the other managers have not confirmed it yet`,
  },
  {
    id: 'V12',
    kind: 'NoMajority',
    wantsRound: true,
    when: (seen) => !isQuorum(seen, seen.votes),
    say: sayNoMajority,
  },
  {
    id: 'V13',
    kind: 'ManagersIsolated',
    wantsRound: true,
    when: (seen) => !isQuorum(seen, seen.votes.filter(({ reaches }) => reaches.length > 0)),
    say: (seen) => `${sayVotes(seen)}, but too few of them reach any other server: they may be cut off themselves`,
  },
  {
    id: 'V14',
    kind: 'Suspected',
    wantsRound: true,
    when: (seen) => seen.evidence.replicas.every(({ state }) => state === 'silent'),
    say: (seen) => `${sayVotes(seen)}, but no replica can be asked about it (${replicasThat(seen, 'silent')})`,
  },
  {
    id: 'V15',
    kind: 'Suspected',
    wantsRound: true,
    when: (seen) => replicasThat(seen, 'unclear') !== '',
    say: (seen) => `${sayVotes(seen)}, but replicas may still hear it (${replicasThat(seen, 'unclear')})`,
  },
  {
    id: 'V16',
    kind: 'DeadPrimary',
    when: () => true,
    say: (seen) => `${sayVotes(seen)}, and no reachable replica hears it (${replicasThat(seen, 'not-receiving')})`,
  },
];

export function judgePrimary(input: VerdictInput): Verdict {
  const seen = gatherCase(input);
  const rule = verdictRules.find((candidate) => candidate.when(seen));
  assert(rule !== undefined, 'the last rule of the verdict fits always');
  return {
    kind: rule.kind,
    rule: rule.id,
    reason: rule.say(seen),
    evidence: seen.evidence,
    wantsRound: rule.wantsRound === true,
  };
}

function sees(seen: Case): string | undefined {
  return seen.sight?.outcome.kind;
}

function detail(seen: Case): string {
  const outcome = seen.sight?.outcome;
  if (outcome === undefined || outcome.kind === 'ok') return '';
  return outcome.kind === 'alive' ? `${outcome.reason} (${outcome.detail})` : outcome.detail;
}

/** A majority of all voters, the leader among them. */
function isQuorum(seen: Case, votes: readonly ManagerEvidence[]): boolean {
  return votes.length >= seen.evidence.votersNeeded && votes.some(({ manager }) => manager === seen.leader);
}

const missWords = {
  refused: 'is refused by',
  reset: 'has its connections reset by',
  timeout: 'gets no answer from',
  hung: 'gets no statement done on',
} as const;

function missed({ sight, leader, primary }: Case): string {
  const kind = sight?.outcome.kind;
  assert(sight !== null && kind !== undefined && kind in missWords, 'only a missed primary is described as missed');
  return `${leader} ${missWords[kind as keyof typeof missWords]} ${primary} for ${seconds(sight.missingMs)}`;
}

function sayHealthy(seen: Case): string {
  const outcome = seen.sight?.outcome;
  const isReadOnly = outcome?.kind === 'ok' && outcome.facts.readOnly;
  const without = seen.evidence.managers.filter(({ saw }) => saw !== null && saw !== 'ok' && saw !== 'unknown');
  const apart = without.length === 0 ? '' : `, though not ${list(without.map(({ manager }) => manager))}`;
  return `${seen.primary} answers ${seen.leader}${apart}${isReadOnly ? ', and is read-only' : ''}`;
}

function sayVotes(seen: Case): string {
  const kinds = [...new Set(seen.votes.map(({ saw }) => saw))].join(' or ');
  const names = list(seen.votes.map(({ manager }) => manager));
  return `${seen.primary} is down (${kinds}) for ${names}, ${seen.votes.length} of ${seen.evidence.voters} managers`;
}

function sayNoMajority(seen: Case): string {
  const others = seen.evidence.managers
    .filter(({ isVoter, votesDead }) => isVoter && !votesDead)
    .map(({ manager, saw }) => `${manager}: ${saw ?? 'no answer'}`)
    .join(', ');
  const count = `${seen.votes.length} of ${seen.evidence.voters} managers confirm it`;
  const needed = `${seen.evidence.votersNeeded} must, ${seen.leader} among them`;
  return `${missed(seen)}, but only ${count} and ${needed} (${others})`;
}

/** Empty when there is none; those with the same to say together. */
function replicasThat(seen: Case, state: ReplicaState): string {
  const namesByWhy = new Map<string, string[]>();
  for (const { replica, why } of seen.evidence.replicas.filter((one) => one.state === state)) {
    namesByWhy.set(why, [...(namesByWhy.get(why) ?? []), replica]);
  }
  return [...namesByWhy].map(([why, names]) => `${names.join(', ')}: ${why}`).join('; ');
}

function list(names: readonly ManagerId[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
