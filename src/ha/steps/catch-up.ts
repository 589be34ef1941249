/**
 * Failover, step 6: the chosen server executes all that it has received (never throwing any of it away), then fetches
 * what it lacks from whoever has it, until it holds everything that can be saved.
 */
import { gtidSet } from '../../base/index.js';
import type { ServerName } from '../../base/index.js';
import type { ActionSession } from '../ports.js';
import { timing } from '../timing.js';
import { holdings } from './survey.js';
import type { SurveyResult } from './survey.js';
import { finished, resultOf } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const catchUp: Step = {
  name: 'catch-up',
  async run(context: StepContext): Promise<StepOutcome> {
    const operation = context.operation();
    const survey = resultOf<SurveyResult>(operation, 'survey');
    const chosen = operation.newPrimary;
    if (survey === null || chosen === null) return { kind: 'rewind', to: 'survey', reason: 'there is no plan' };
    const session = await context.session(chosen);
    const own = await applyOwnRelayLog(context, session);
    if (own !== null) return own;
    const fetched: Record<string, string> = {};
    // Each round takes one source; there are no more sources than servers.
    for (let round = 0; round <= context.spec.servers.length; round += 1) {
      const facts = await session.look();
      const missing = gtidSet(survey.target).subtract(gtidSet(facts.executed));
      if (missing.isEmpty()) {
        const from = Object.keys(fetched);
        const summary = from.length === 0
          ? `${chosen} has executed everything that was received`
          : `${chosen} fetched what it lacked from ${from.join(', ')}`;
        return finished(summary, { executed: facts.executed, fetched });
      }
      const source = bestSource(survey, chosen, missing.toString(), Object.keys(fetched));
      if (source === null) break;
      const failure = await fetchFrom(context, session, source);
      if (failure !== null) return failure;
      fetched[source] = missing.toString();
    }
    return { kind: 'rewind', to: 'freeze', reason: `nobody in sight has all that ${chosen} lacks` };
  },
};

/** Null when everything received is executed. */
async function applyOwnRelayLog(context: StepContext, session: ActionSession): Promise<StepOutcome | null> {
  const facts = await session.look();
  if (facts.replica === null) return null;
  if (facts.replica.applier === 'off') await session.startApplier();
  return waitApplied(context, session, holdings(facts).toString());
}

/** Waits as long as there is progress. Null once `gtids` are executed. */
async function waitApplied(
  context: StepContext,
  session: ActionSession,
  gtids: string,
): Promise<StepOutcome | null> {
  let lastExecuted = '';
  let progressAtMs = context.ports.clock.nowMs();
  for (;;) {
    if (await session.waitExecuted(gtids, timing.applySliceMs)) return null;
    const facts = await session.look();
    const nowMs = context.ports.clock.nowMs();
    if (facts.executed !== lastExecuted) {
      lastExecuted = facts.executed;
      progressAtMs = nowMs;
    }
    if (facts.replica?.applierError) {
      return stalled(session.server, `its applier stopped: ${facts.replica.applierError}`);
    }
    if (facts.replica?.receiver === 'off' && facts.replica.receiverError !== '') {
      return stalled(session.server, `its receiver stopped: ${facts.replica.receiverError}`);
    }
    if (nowMs - progressAtMs > timing.applyStallMs) return stalled(session.server, 'its applier makes no progress');
  }
}

function stalled(server: ServerName, why: string): StepOutcome {
  return { kind: 'rewind', to: 'freeze', reason: `${server} cannot catch up: ${why}` };
}

/** The surveyed server that has the most of what is missing. */
function bestSource(
  survey: SurveyResult,
  chosen: ServerName,
  missing: string,
  used: readonly string[],
): ServerName | null {
  let best: { name: string; count: bigint } | null = null;
  for (const [name, server] of Object.entries(survey.servers)) {
    // Auto-positioning fetches everything, errant transactions too.
    if (name === chosen || used.includes(name) || server.errant !== '') continue;
    const count = gtidSet(server.has).intersect(gtidSet(missing)).count();
    if (count > 0n && (best === null || count > best.count)) best = { name, count };
  }
  return best === null ? null : (best.name as ServerName);
}

/** Null once `session`'s server has executed all that the source holds. */
async function fetchFrom(
  context: StepContext,
  session: ActionSession,
  sourceName: ServerName,
): Promise<StepOutcome | null> {
  const source = await context.session(sourceName);
  // Only what the source has executed stands in its binary log, from where it is fetched.
  const own = await applyOwnRelayLog(context, source);
  if (own !== null) return own;
  const sourceExecuted = (await source.look()).executed;
  const { host, port } = context.sessions.serverSpec(sourceName);
  const { user, password } = context.spec.replication;
  await session.stopReceiver();
  await session.pointAt({ host, port, user, passwordRef: password });
  await session.startReceiver();
  const failure = await waitApplied(context, session, sourceExecuted);
  await session.stopReceiver();
  return failure;
}
