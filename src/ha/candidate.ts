/**
 * Who becomes primary, and why nobody else (design section 7). Pure: given the same survey every manager chooses
 * the same server. Every declared server gets a sentence. Being ahead never makes an unfit server fit, and what
 * only an unfit one holds is brought over by the catch-up, not by promoting it.
 */
import { GtidSet } from '../base/index.js';
import type { ServerFacts, ServerName } from '../base/index.js';
import type { ClusterSpec, ServerSpec } from './cluster-spec.js';

export interface SurveyedCandidate {
  readonly facts: ServerFacts;
  /** Received or executed. */
  readonly has: GtidSet;
  /** From findErrant; empty for a sound server. */
  readonly errant: GtidSet;
}

export interface ChoiceInput {
  readonly spec: ClusterSpec;
  readonly oldPrimary: ServerName;
  /** Asked for by a person: this one or none. */
  readonly requestedTarget: ServerName | null;
  /** By server name; who is not in it could not be surveyed. The old primary may be in it and is never chosen. */
  readonly surveyed: Readonly<Record<string, SurveyedCandidate>>;
  /** All that can still be had: what the new primary should hold after the catch-up. */
  readonly reachableTransactions: GtidSet;
}

export interface Choice {
  readonly chosen: ServerName | null;
  /** One sentence for each declared server; continues one that begins with its name. */
  readonly reasons: Readonly<Record<string, string>>;
  /** The eligible ones, best first. */
  readonly ranking: readonly ServerName[];
}

interface Candidate {
  readonly spec: ServerSpec;
  readonly survey: SurveyedCandidate;
  readonly isInOldZone: boolean;
  /** Of what it lacks, how much no other server in sight can hand on. */
  readonly wouldLose: bigint;
  /** How much of what can be had it has not received. */
  readonly missing: bigint;
  /** Received and not executed. */
  readonly toApply: bigint;
  readonly position: number;
}

interface Preference {
  /** Smaller is better. */
  readonly rank: (candidate: Candidate) => bigint;
  readonly better: string;
}

/** In order: the first in which two candidates differ decides between them. */
const preferences: readonly Preference[] = [
  { rank: ({ wouldLose }) => wouldLose, better: 'would lose less' },
  { rank: ({ spec }) => (spec.candidate === 'prefer' ? 0n : 1n), better: 'is a preferred candidate' },
  { rank: ({ isInOldZone }) => (isInOldZone ? 0n : 1n), better: 'is in the zone of the old primary' },
  { rank: ({ missing }) => missing, better: 'has received more' },
  { rank: ({ toApply }) => toApply, better: 'has less left to apply' },
  { rank: ({ position }) => BigInt(position), better: 'comes first in the configuration' },
];

export function choosePrimary(input: ChoiceInput): Choice {
  const reasons: Record<string, string> = {};
  const eligible: Candidate[] = [];
  for (const [position, spec] of input.spec.servers.entries()) {
    const survey = input.surveyed[spec.name];
    const against = reasonsAgainst(spec, survey, input);
    if (survey === undefined || against.length > 0) reasons[spec.name] = `not eligible: ${against.join('; ')}`;
    else eligible.push(candidateOf(spec, survey, position, input));
  }
  const ranked = eligible.sort(compare);
  const best = input.requestedTarget === null
    ? ranked[0]
    : ranked.find(({ spec }) => spec.name === input.requestedTarget);
  for (const candidate of ranked) reasons[candidate.spec.name] = sayRanked(candidate, best, ranked, input);
  if (input.requestedTarget !== null && reasons[input.requestedTarget] === undefined) {
    reasons[input.requestedTarget] = 'not eligible: it is not a server of this cluster';
  }
  return { chosen: best?.spec.name ?? null, reasons, ranking: ranked.map(({ spec }) => spec.name) };
}

function reasonsAgainst(spec: ServerSpec, survey: SurveyedCandidate | undefined, input: ChoiceInput): string[] {
  if (spec.name === input.oldPrimary) return ['it is the old primary'];
  const against: string[] = [];
  if (spec.candidate === 'never') against.push('its configuration says candidate: never');
  if (survey === undefined) return [...against, 'it could not be surveyed'];
  const { facts, errant } = survey;
  if (!facts.logBin) against.push('its binary log is off');
  if (!facts.logReplicaUpdates) against.push('it does not log what it replicates (log_replica_updates)');
  if (facts.gtidMode !== 'ON') against.push(`its gtid_mode is ${facts.gtidMode}`);
  if (!errant.isEmpty()) against.push(`it has errant transactions: ${errant.toString()}`);
  if (facts.replica === null) against.push('it replicates from nobody');
  if (facts.replica !== null && facts.replica.delayS > 0) against.push(`it is delayed by ${facts.replica.delayS} s`);
  // An applier that is merely stopped is started by the catch-up; one that stopped by an error would stop again.
  if (facts.replica?.applier === 'off' && facts.replica.applierError !== '') {
    against.push(`its applier stopped: ${facts.replica.applierError}`);
  }
  const older = olderServers(spec.name, facts.version, input);
  if (older.length > 0) {
    against.push(`its version ${facts.version} is above that of ${older.join(' and ')}, which could not follow it`);
  }
  return against;
}

/**
 * Replication runs from an older series (8.0, 8.4, 9.7, ...) to a newer one, not back. Only servers that answer
 * count: a dead old primary that could not follow later is no reason to leave the cluster without a primary now.
 */
function olderServers(own: ServerName, version: string, input: ChoiceInput): string[] {
  const [major, minor] = seriesOf(version);
  return Object.entries(input.surveyed)
    .filter(([name, { facts }]) => {
      if (name === own) return false;
      const [otherMajor, otherMinor] = seriesOf(facts.version);
      return otherMajor < major || (otherMajor === major && otherMinor < minor);
    })
    .map(([name, { facts }]) => `${name} (${facts.version})`);
}

function seriesOf(version: string): readonly [major: number, minor: number] {
  const match = /^(\d+)\.(\d+)/.exec(version);
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
}

function candidateOf(spec: ServerSpec, survey: SurveyedCandidate, position: number, input: ChoiceInput): Candidate {
  const { has, facts } = survey;
  const oldZone = input.spec.servers.find(({ name }) => name === input.oldPrimary)?.zone ?? null;
  const others = Object.entries(input.surveyed).filter(([name]) => name !== spec.name);
  const canBeFetched = GtidSet.unionOf(others.map(([, other]) => servable(other)));
  const missing = input.reachableTransactions.subtract(has);
  return {
    spec,
    survey,
    isInOldZone: oldZone !== null && spec.zone === oldZone,
    wouldLose: missing.subtract(canBeFetched).count(),
    missing: missing.count(),
    toApply: has.subtract(GtidSet.tryParse(facts.executed) ?? GtidSet.empty).count(),
    position,
  };
}

/** What a server could hand on: its binary log holds what it has executed, or will once its applier runs. */
function servable({ facts, has, errant }: SurveyedCandidate): GtidSet {
  if (!facts.logBin || !(facts.logReplicaUpdates || facts.replica === null)) return GtidSet.empty;
  const isStuck = facts.replica?.applier === 'off' && facts.replica.applierError !== '';
  const executed = GtidSet.tryParse(facts.executed) ?? GtidSet.empty;
  return (isStuck ? executed : has).subtract(errant);
}

function compare(left: Candidate, right: Candidate): number {
  const [better, isLeft] = decisive(left, right);
  if (better === null) return 0;
  return isLeft ? -1 : 1;
}

/** The preference that decides, and whether for `left`. */
function decisive(left: Candidate, right: Candidate): readonly [Preference | null, boolean] {
  for (const preference of preferences) {
    const [l, r] = [preference.rank(left), preference.rank(right)];
    if (l !== r) return [preference, l < r];
  }
  return [null, false];
}

function sayRanked(
  candidate: Candidate,
  best: Candidate | undefined,
  ranked: readonly Candidate[],
  input: ChoiceInput,
): string {
  if (best === undefined) return `eligible, but ${input.requestedTarget} was asked for`;
  if (candidate === best) return sayBest(best, ranked, input);
  const [preference, isForBest] = decisive(best, candidate);
  if (!isForBest || preference === null) return `eligible, but ${best.spec.name} was asked for`;
  return `eligible, but ${best.spec.name} ${preference.better}`;
}

function sayBest(best: Candidate, ranked: readonly Candidate[], input: ChoiceInput): string {
  const behind = best.missing === 0n
    ? 'it has everything that can be had'
    : best.wouldLose === 0n
      ? `it lacks ${best.missing} transactions that others can give it`
      : `it lacks ${best.missing} transactions, ${best.wouldLose} of which nobody can give it`;
  if (input.requestedTarget !== null) return `chosen: asked for; ${behind}`;
  const next = ranked[1];
  if (next === undefined) return `chosen: the only eligible server; ${behind}`;
  const [preference] = decisive(best, next);
  return `chosen: it ${preference?.better ?? 'is as good as any'} (before ${next.spec.name}); ${behind}`;
}

export interface ErrantInput {
  /** Received or executed, by server name. */
  readonly holdings: Readonly<Record<string, GtidSet>>;
  /** Everything the primary was ever seen to have executed. */
  readonly primaryKnownExecuted: GtidSet;
  /** Empty when it is not known. */
  readonly primaryUuid: string;
}

/**
 * Transactions that one server has, that no other has, that the primary was never seen to have, and that do not
 * carry the primary's own UUID: such ones are only the latest, seen by the most advanced replica alone. Servers
 * without any are left out. A primary that itself replicates from outside makes its newest transactions look
 * errant: that errs to the safe side.
 */
export function findErrant(input: ErrantInput): Readonly<Record<string, GtidSet>> {
  const errant: Record<string, GtidSet> = {};
  const names = Object.keys(input.holdings);
  for (const name of names) {
    const others = names.filter((other) => other !== name).map((other) => input.holdings[other] ?? GtidSet.empty);
    // Nothing to compare with: the primary was never seen, and this is the only server in sight.
    if (others.length === 0 && input.primaryKnownExecuted.isEmpty()) continue;
    const own = (input.holdings[name] ?? GtidSet.empty)
      .without(input.primaryUuid)
      .subtract(input.primaryKnownExecuted)
      .subtract(GtidSet.unionOf(others));
    if (!own.isEmpty()) errant[name] = own;
  }
  return errant;
}
