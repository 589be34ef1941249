/**
 * Failover, step 4: what each server has received and executed. The old primary counts too where it answers and is
 * fenced: then it is the best source there is. The union of all that was received is what the new primary must have.
 */
import { gtidSet } from '../../base/index.js';
import type { GtidSet, ServerFacts, ServerName } from '../../base/index.js';
import { findErrant } from '../candidate.js';
import type { FenceResult } from './fence.js';
import type { FreezeResult } from './freeze.js';
import { failuresAsText, onEach } from './each.js';
import { finished, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export interface SurveyedServer {
  readonly facts: ServerFacts;
  /** Received or executed, canonical text. */
  readonly has: string;
  readonly errant: string;
}

export interface SurveyResult {
  readonly servers: Readonly<Record<string, SurveyedServer>>;
  readonly unreachable: Readonly<Record<string, string>>;
  /** Everything that can be saved: the union of what the servers have, errant transactions left out. */
  readonly target: string;
  readonly mostAdvanced: string;
  /** Seen on the old primary while it lived and in nobody's hands now. Empty: none known. */
  readonly knownLost: string;
  /** Up to here the old primary was seen; what it wrote after that is unknown. Null: it was read whole, fenced. */
  readonly unknownAfter: string | null;
}

export const survey: Step = {
  name: 'survey',
  async run(context: StepContext): Promise<StepOutcome> {
    const { succeeded, failed } = await onEach(surveyable(context), async (server) => {
      const session = await context.session(server);
      return session.look();
    });
    const replicas = [...succeeded.keys()].filter((server) => server !== context.operation().oldPrimary);
    if (replicas.length === 0) return { kind: 'rewind', to: 'freeze', reason: 'no frozen replica answers any more' };
    const receiving = replicas.find((server) => succeeded.get(server)?.replica?.receiver !== 'off'
      && succeeded.get(server)?.replica !== null);
    if (receiving !== undefined) {
      return { kind: 'rewind', to: 'freeze', reason: `${receiving} receives again` };
    }
    const result = judgeSurvey(context, succeeded, failuresAsText(failed));
    const gone = gtidSet(result.knownLost).isEmpty() ? '' : `; known lost: ${result.knownLost}`;
    return finished(`most advanced: ${result.mostAdvanced}${gone}`, { ...result });
  },
};

function surveyable(context: StepContext): readonly ServerName[] {
  const operation = context.operation();
  const frozen = Object.keys(resultOf<FreezeResult>(operation, 'freeze')?.frozen ?? {}) as ServerName[];
  const isFenced = resultOf<FenceResult>(operation, 'fence')?.isPositive ?? false;
  return isFenced ? [...frozen, operation.oldPrimary] : frozen;
}

/** Received ∪ executed of one server. */
export function holdings(facts: ServerFacts): GtidSet {
  return gtidSet(facts.executed).union(gtidSet(facts.replica?.received ?? ''));
}

function judgeSurvey(
  context: StepContext,
  seen: ReadonlyMap<ServerName, ServerFacts>,
  unreachable: Readonly<Record<string, string>>,
): SurveyResult {
  const old = context.operation().oldPrimary;
  const oldFacts = seen.get(old) ?? null;
  const { name: cluster } = context.cluster();
  const lastKnown = context.table.lastFacts(cluster, old);
  // What the manager that began this had seen of the old primary may be more than what this one has.
  const confirmed = resultOf<{ lastKnownExecuted: string }>(context.operation(), 'confirm');
  const known = context.table.knownExecuted(cluster, old).union(gtidSet(confirmed?.lastKnownExecuted ?? ''));
  const primaryUuid = oldFacts?.serverUuid ?? lastKnown?.serverUuid ?? sourceUuid(seen);
  const errant = findErrant({
    holdings: Object.fromEntries([...seen].map(([name, facts]) => [name, holdings(facts)])),
    primaryKnownExecuted: oldFacts === null ? known : known.union(gtidSet(oldFacts.executed)),
    primaryUuid,
  });
  const servers: Record<string, SurveyedServer> = {};
  let target = gtidSet('');
  let mostAdvanced: { name: string; count: bigint } | null = null;
  for (const [name, facts] of seen) {
    const own = errant[name] ?? gtidSet('');
    const sound = holdings(facts).subtract(own);
    servers[name] = { facts, has: holdings(facts).toString(), errant: own.toString() };
    target = target.union(sound);
    if (mostAdvanced === null || sound.count() > mostAdvanced.count) mostAdvanced = { name, count: sound.count() };
  }
  return {
    servers,
    unreachable,
    target: target.toString(),
    mostAdvanced: mostAdvanced?.name ?? '',
    knownLost: known.subtract(target).toString(),
    unknownAfter: oldFacts === null ? known.toString() : null,
  };
}

function sourceUuid(seen: ReadonlyMap<ServerName, ServerFacts>): string {
  for (const facts of seen.values()) {
    if (facts.replica !== null && facts.replica.sourceUuid !== '') return facts.replica.sourceUuid;
  }
  return '';
}
