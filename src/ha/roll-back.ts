/**
 * Undoing an operation before its point of no return: every server as it was when the operation began, replicas first
 * so that there is somebody to acknowledge, then the primary opens again. Idempotent: the conductor runs it until the
 * primary is restored. A replica that cannot be reached is named and holds the others up no longer than its time.
 */
import { ActionError, gtidSet } from '../base/index.js';
import type { ServerFacts, ServerName } from '../base/index.js';
import type { ActionSession } from './ports.js';
import { failuresAsText, onEach } from './steps/each.js';
import { holdings } from './steps/survey.js';
import { formerServers, participants, resultOf } from './steps/step.js';
import type { StepContext } from './steps/step.js';
import type { FormerServer, FormerServers } from './state.js';
import { timing } from './timing.js';

export interface RollBackResult {
  /** Until then the operation has not ended: nobody else would open it. */
  readonly isPrimaryRestored: boolean;
  readonly unrestored: FormerServers | null;
  readonly sentence: string;
}

/** Throws ReignEnded. */
export async function rollBack(context: StepContext): Promise<RollBackResult> {
  const operation = context.operation();
  const former = { ...context.cluster().unrestored, ...formerServers(operation) };
  // The first step commits how every server was before the second touches anything.
  if (operation.cursor === 0 && context.cluster().unrestored === null) {
    return { isPrimaryRestored: true, unrestored: null, sentence: 'nothing was touched' };
  }
  // A switchover touches no replica before `promote`; a failover only those that took part.
  const replicas = operation.kind === 'switchover'
    ? []
    : participants(context).filter((name) => name !== operation.oldPrimary);
  const restored = await onEach(replicas, (server) =>
    retrying(context, server, (session) => restoreReplica(context, session, former[server] ?? null)),
  );
  const primary = await onEach([operation.oldPrimary], (server) =>
    retrying(context, server, (session) => restorePrimary(context, session, former[server] ?? null)),
  );
  const failures = { ...failuresAsText(restored.failed), ...failuresAsText(primary.failed) };
  const sentence = Object.keys(failures).length === 0
    ? 'every server is as it was'
    : `not restored: ${Object.values(failures).join('; ')}`;
  const left = Object.entries(former).filter(([name]) => failures[name] !== undefined);
  const unrestored = left.length === 0 ? null : Object.fromEntries(left);
  return { isPrimaryRestored: primary.failed.size === 0, unrestored, sentence };
}

async function retrying(
  context: StepContext,
  server: ServerName,
  act: (session: ActionSession) => Promise<void>,
): Promise<void> {
  const { clock } = context.ports;
  const startedAtMs = clock.nowMs();
  for (;;) {
    try {
      return await act(await context.session(server));
    } catch (thrown) {
      const isOver = clock.nowMs() - startedAtMs > timing.perServerMs;
      if (isOver || !(thrown instanceof ActionError) || thrown.failure === 'unreachable') throw thrown;
      await clock.sleep(timing.retryMs);
    }
  }
}

async function restoreReplica(
  context: StepContext,
  session: ActionSession,
  former: FormerServer | null,
): Promise<void> {
  const facts = await session.look();
  const source = former === null ? followedSource(context) : former.source;
  if (facts.replica === null || source === null) return;
  // Not seen before it was frozen: it received, like any replica, and acknowledged if the primary waits for that.
  const acknowledges = former?.acknowledges ?? formerServers(context.operation())[context.operation().oldPrimary]
    ?.waitsForAcks ?? false;
  const isFollowing = facts.replica.sourceHost === source.host && facts.replica.sourcePort === source.port;
  const isAcknowledging = facts.semiSync?.replicaEnabled === true;
  const isReceiving = facts.replica.receiver !== 'off';
  const shouldReceive = former?.isReceiving ?? true;
  const shouldApply = former?.isApplying ?? true;
  const isApplying = facts.replica.applier === 'on' || !shouldApply;
  if (isFollowing && isAcknowledging === acknowledges && isReceiving === shouldReceive && isApplying) return;
  await session.stopReceiver();
  if (!isFollowing) {
    const { user, password } = context.spec.replication;
    await session.pointAt({ ...source, user, passwordRef: password });
  }
  await session.setAcknowledging(acknowledges);
  if (shouldReceive) await session.startReceiver();
  if (shouldApply) await session.startApplier();
}

function followedSource(context: StepContext): { readonly host: string; readonly port: number } {
  const { host, port } = context.sessions.serverSpec(context.operation().oldPrimary);
  return { host, port };
}

async function restorePrimary(
  context: StepContext,
  session: ActionSession,
  former: FormerServer | null,
): Promise<void> {
  const facts = await session.look();
  const lacking = lackedBy(context, facts);
  if (facts.readOnly && lacking !== null) {
    throw new ActionError('rejected', `${session.server} stays closed: it lacks ${lacking}, which replicas have; `
      + 'stop it, and a failover begins');
  }
  if (facts.offline) await session.setOffline(false);
  if (former !== null && (facts.semiSync?.sourceEnabled ?? false) !== former.waitsForAcks) {
    await session.setWaitingForAcks(former.waitsForAcks);
  }
  // The recorded primary, if nobody had seen it before, is taken to have been open: that is what a primary is.
  const wasClosed = former !== null && (former.superReadOnly || former.readOnly);
  if (!wasClosed && facts.readOnly) await session.openForWrites();
}

/**
 * What replicas have, as far as they were surveyed or seen, and the old primary has not; null when it has everything.
 * One that lost its last transactions (a power cut with relaxed settings) must not be opened again: it would give their
 * numbers to other transactions. `facts` must be fresh: what was seen before a restart says nothing.
 */
export function lackedBy(context: StepContext, facts: ServerFacts): string | null {
  const { kind } = context.operation();
  // A switchover has surveyed nobody, and its primary has not been away.
  if (kind === 'switchover') return null;
  const { name } = context.cluster();
  let all = gtidSet(resultOf<{ readonly target: string }>(context.operation(), 'survey')?.target ?? '');
  for (const server of participants(context)) {
    const seen = context.table.lastFacts(name, server);
    if (seen !== null) all = all.union(holdings(seen));
  }
  // Transactions of other origin are errant, and no reason to leave the primary closed.
  const lacking = all.restrictTo(facts.serverUuid).subtract(gtidSet(facts.executed));
  return lacking.isEmpty() ? null : lacking.toString();
}
