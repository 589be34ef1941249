/**
 * Does any replica still hear the primary? The replicas' half of the verdict. Pure. What is not proved counts as
 * hearing: `not-receiving` needs a receiver that says it has no connection, or counters that provably stood still.
 */
import { assertNever } from '../base/index.js';
import type { ManagerId, ProbeOutcome, ReplicaFacts, ServerName } from '../base/index.js';
import { hasMoved } from './observation-table.js';
import type { ReplicaTestimony } from './observation-table.js';

export type ReplicaState =
  /** It has received something after the primary was first missed, and not long ago. */
  | 'receiving'
  /** Connected, as it says, and not yet still for long enough. */
  | 'unclear'
  | 'not-receiving'
  /** No manager can ask it: it does not testify. */
  | 'silent';

export interface ReplicaEvidence {
  readonly replica: ServerName;
  readonly state: ReplicaState;
  /** Stands behind "NAME: " or "NAME, NAME: ". */
  readonly why: string;
}

export interface ReplicaLook {
  readonly manager: ManagerId;
  readonly outcome: ProbeOutcome;
}

export interface ReplicaQuestion {
  readonly replica: ServerName;
  /** What the managers see of it now: in the confirming round, where there is one. */
  readonly looks: readonly ReplicaLook[];
  readonly testimony: readonly ReplicaTestimony[];
  /**
   * Managers that reached it a moment ago and have not reported on it in the round yet. A round may be judged
   * before all of it is in: until then a replica of which nothing was heard is not silent, it may be about to speak
   * for the primary.
   */
  readonly awaited: readonly ManagerId[];
  /** When the leader first missed the primary. */
  readonly firstMissAtMs: number;
  /**
   * A time that all looks are certainly later than (the nonce left then), so that delays on the way can only make
   * counters seem to have stood still for less time than they did.
   */
  readonly looksAfterMs: number;
}

/**
 * A living source sends a heartbeat at least once a period; two may be missing before it counts, and less than 2 s are
 * not told apart from a stall.
 */
export function stillAfterMs(heartbeatPeriodMs: number): number {
  return heartbeatPeriodMs === 0 ? Infinity : Math.max(2 * heartbeatPeriodMs, 2000);
}

type Answer = Pick<ReplicaEvidence, 'state' | 'why'> & { readonly isProof: boolean };

export function judgeReplica(question: ReplicaQuestion): ReplicaEvidence {
  const { replica } = question;
  const answers: Answer[] = [];
  for (const { manager, outcome } of question.looks) {
    if (outcome.kind === 'ok') answers.push(judgeLook(outcome.facts.replica, manager, question));
  }
  const first = answers[0];
  if (first === undefined && question.awaited.length > 0) {
    return { replica, state: 'unclear', why: `not heard yet through ${question.awaited.join(', ')}` };
  }
  if (first === undefined) return { replica, state: 'silent', why: whySilent(question.looks) };
  // One proof of standing still is as good as all: the counters are the replica's, whoever reads them.
  const told = answers.find(({ state }) => state === 'receiving')
    ?? answers.find(({ isProof }) => isProof)
    ?? answers.find(({ state }) => state === 'unclear')
    ?? first;
  return { replica, state: told.state, why: told.why };
}

function judgeLook(seen: ReplicaFacts | null, manager: ManagerId, question: ReplicaQuestion): Answer {
  if (seen === null) return { state: 'not-receiving', isProof: false, why: 'without a source' };
  const series = question.testimony.find((one) => one.manager === manager && one.replica === question.replica);
  if (series?.isFromPrimary === false) {
    const why = `following ${seen.sourceHost}:${seen.sourcePort}`;
    return { state: 'not-receiving', isProof: false, why };
  }
  switch (seen.receiver) {
    case 'off':
      return { state: 'not-receiving', isProof: false, why: 'receiver stopped' };
    case 'connecting':
      return { state: 'not-receiving', isProof: false, why: 'lost the connection to it' };
    case 'on':
      return judgeConnected(seen, series, question);
    default:
      return assertNever(seen.receiver);
  }
}

function judgeConnected(seen: ReplicaFacts, series: ReplicaTestimony | undefined, question: ReplicaQuestion): Answer {
  const { firstMissAtMs, looksAfterMs } = question;
  const unclear = (why: string): Answer => ({ state: 'unclear', isProof: false, why });
  if (series === undefined) return unclear('connected as it says, not watched before');
  const stillMsNeeded = stillAfterMs(seen.heartbeatPeriodMs);
  if (hasMoved(series, seen)) {
    return series.seenAtMs >= firstMissAtMs
      ? { state: 'receiving', isProof: false, why: 'received something just now' }
      : unclear('received something about when it was first missed');
  }
  const stillMs = Math.max(0, looksAfterMs - (series.movedAtMs ?? series.watchedSinceMs));
  if (stillMs <= stillMsNeeded && series.movedAfterMs !== null && series.movedAfterMs >= firstMissAtMs) {
    return { state: 'receiving', isProof: false, why: `received something ${seconds(stillMs)} ago` };
  }
  if (stillMsNeeded === Infinity) return unclear('connected as it says, heartbeats turned off');
  const countedMs = Math.min(stillMs, looksAfterMs - firstMissAtMs);
  if (countedMs > stillMsNeeded) {
    return { state: 'not-receiving', isProof: true, why: `received nothing for ${seconds(stillMs)}` };
  }
  const missing = seconds(Math.max(0, stillMsNeeded - countedMs));
  return unclear(`connected as it says; ${missing} more without a heartbeat would show that it is not`);
}

function whySilent(looks: readonly ReplicaLook[]): string {
  const kinds = [...new Set(looks.map(({ outcome }) => outcome.kind))];
  return kinds.length === 0 ? 'not looked at' : `cannot be asked, ${kinds.join(' or ')}`;
}

export function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}
