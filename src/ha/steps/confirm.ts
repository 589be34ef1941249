/**
 * Failover, step 1: a majority confirms, in a round asked for after the suspicion, that the primary is dead. Commits
 * the evidence, and how every server was before anything was touched: what a rollback will restore.
 */
import type { ServerFacts } from '../../base/index.js';
import { membersOf } from '../members.js';
import { staleAfterMs } from '../observation-table.js';
import type { Verdict } from '../verdict.js';
import { failoverSubject } from '../verdict-subject.js';
import { finished, formerServersNow } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export const confirm: Step = {
  name: 'confirm',
  async run(context: StepContext): Promise<StepOutcome> {
    const verdict = await freshVerdict(context);
    if (verdict.kind === 'Healthy') {
      return { kind: 'roll-back', reason: `${context.operation().oldPrimary} answers again: ${verdict.reason}` };
    }
    if (!failoverSubject(verdict.kind)) {
      return { kind: 'blocked', reason: `not confirmed: ${verdict.reason}` };
    }
    const { name } = context.cluster();
    const members = membersOf(context.cluster(), context.table);
    // Asked before anything is touched, and asked again: somebody may bring one of them back.
    if (members.every((member) => member === context.operation().oldPrimary)) {
      return { kind: 'blocked', reason: nobodyElse(context) };
    }
    const seen: Record<string, ServerFacts> = {};
    for (const server of context.spec.servers) {
      const facts = context.table.lastFacts(name, server.name);
      if (facts !== null) seen[server.name] = facts;
    }
    return finished(verdict.reason, {
      verdict: verdict.kind,
      rule: verdict.rule,
      evidence: verdict.evidence,
      members,
      former: formerServersNow(context, seen),
      lastKnownExecuted: context.table.knownExecuted(name, context.operation().oldPrimary).toString(),
    });
  },
};

/** The same words at each try: other ones would be one more entry of the log. What was seen changes all the time. */
function nobodyElse(context: StepContext): string {
  const old = context.operation().oldPrimary;
  if (context.spec.servers.length === 1) {
    return `nobody could take over: ${old} is the only server of the cluster; bring it back`;
  }
  return (
    'nobody could take over: the other servers are former primaries that have not been brought back; ' +
    `bring one of them back as a replica of ${old}, or bring ${old} back`
  );
}

/** A manager that took over trusts no round but its own, and one that slept not even that: the primary may be back. */
async function freshVerdict(context: StepContext): Promise<Verdict> {
  const opening = context.openingVerdict;
  const ageMs = opening === null ? Infinity : context.ports.clock.nowMs() - opening.atMs;
  return opening !== null && ageMs < staleAfterMs(context.spec) ? opening.verdict : context.judge();
}
