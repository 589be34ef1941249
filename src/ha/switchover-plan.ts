/**
 * Would a switchover go well? Asked by `--dry-run`, before an operation is started, and by its first step: the same
 * answer for the same looks.
 */
import { ActionError, gtidSet } from '../base/index.js';
import type { ServerFacts, ServerName } from '../base/index.js';
import { choosePrimary, findErrant } from './candidate.js';
import type { ClusterSpec } from './cluster-spec.js';
import { switchoverRefusals } from './health.js';
import type { HaPorts } from './ports.js';
import { holdings } from './steps/survey.js';
import type { Verdict } from './verdict.js';

export type ServerLook =
  | { readonly kind: 'facts'; readonly facts: ServerFacts }
  | { readonly kind: 'error'; readonly detail: string };

export interface SwitchoverPlan {
  readonly target: ServerName | null;
  /** Reasons against it, all at once. */
  readonly refusals: readonly string[];
  readonly reasons: Readonly<Record<string, string>>;
}

/** A fresh look at every declared server, side by side, on connections of their own. */
export async function lookAtAll(
  ports: Pick<HaPorts, 'servers'>,
  spec: ClusterSpec,
  withinMs: number,
): Promise<ReadonlyMap<ServerName, ServerLook>> {
  const looks = new Map<ServerName, ServerLook>();
  await Promise.all(
    spec.servers.map(async (server) => {
      try {
        looks.set(server.name, { kind: 'facts', facts: await ports.servers.look(spec, server, withinMs) });
      } catch (thrown) {
        if (!(thrown instanceof ActionError)) throw thrown;
        looks.set(server.name, { kind: 'error', detail: thrown.message });
      }
    }),
  );
  return looks;
}

export function planSwitchover(input: {
  readonly spec: ClusterSpec;
  readonly primary: ServerName;
  /** Declared servers that do not take part (members.ts). */
  readonly away: readonly ServerName[];
  readonly requestedTarget: ServerName | null;
  /** An operation that runs already, in words; null inside the switchover itself. */
  readonly runningOperation: string | null;
  readonly verdict: Verdict;
  readonly looks: ReadonlyMap<ServerName, ServerLook>;
}): SwitchoverPlan {
  const { spec, primary, away, requestedTarget, runningOperation, verdict, looks } = input;
  const seen = new Map<ServerName, ServerFacts>();
  for (const [name, look] of looks) if (look.kind === 'facts' && !away.includes(name)) seen.set(name, look.facts);
  const primaryFacts = seen.get(primary);
  const errant = findErrant({
    holdings: Object.fromEntries([...seen].map(([name, facts]) => [name, holdings(facts)])),
    primaryKnownExecuted: gtidSet(primaryFacts?.executed ?? ''),
    primaryUuid: primaryFacts?.serverUuid ?? '',
  });
  const choice = choosePrimary({
    spec,
    oldPrimary: primary,
    requestedTarget,
    surveyed: Object.fromEntries(
      [...seen]
        .filter(([name]) => name !== primary)
        .map(([name, facts]) => [
          name,
          { facts, has: holdings(facts), errant: errant[name] ?? gtidSet('') },
        ]),
    ),
    reachableTransactions: gtidSet(primaryFacts?.executed ?? ''),
  });
  const refusals = [
    ...switchoverRefusals({
      spec,
      primary,
      target: choice.chosen,
      verdict,
      looks,
      runningOperation,
      awaitingRejoin: away,
    }),
  ];
  const target = choice.chosen === null ? undefined : seen.get(choice.chosen);
  const canWait = (target?.semiSync?.sourceEnabled ?? null) !== null;
  if (target !== undefined && primaryFacts?.semiSync?.sourceEnabled === true && !canWait) {
    refusals.push(`${primary} waits for acknowledgements, and ${choice.chosen} has no semi-sync source plugin`);
  }
  if (choice.chosen === null) {
    const reasons = Object.entries(choice.reasons)
      .filter(([name]) => requestedTarget === null || name === requestedTarget)
      .map(([name, reason]) => `${name}: ${reason}`);
    refusals.push(`nobody can take over (${reasons.join('; ')})`);
  }
  return { target: choice.chosen, refusals, reasons: choice.reasons };
}
