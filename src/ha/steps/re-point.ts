/**
 * The other servers follow the new primary, without throwing away anything they received. One that cannot be told
 * within its time is named and left out: it holds nobody else up. In a switchover the old primary becomes a replica
 * too.
 */
import { ActionError } from '../../base/index.js';
import type { ServerFacts, ServerName } from '../../base/index.js';
import type { ActionSession } from '../ports.js';
import { timing } from '../timing.js';
import { failuresAsText, listed, onEach } from './each.js';
import { finished, formerServers, participants } from './step.js';
import type { Step, StepContext, StepOutcome } from './step.js';

export interface RePointResult {
  readonly following: readonly string[];
  readonly leftOut: Readonly<Record<string, string>>;
}

export const rePoint: Step = {
  name: 're-point',
  async run(context: StepContext): Promise<StepOutcome> {
    const { succeeded, failed } = await onEach(followers(context), (server) => followWithin(context, server));
    const result: RePointResult = { following: [...succeeded.keys()], leftOut: failuresAsText(failed) };
    const left = failed.size === 0 ? '' : `; left out: ${listed(failed.keys())}`;
    const verb = succeeded.size === 1 ? 'follows' : 'follow';
    const summary = `${listed(succeeded.keys())} ${verb} ${context.operation().newPrimary ?? ''}${left}`;
    return finished(summary, { ...result });
  },
};

function followers(context: StepContext): readonly ServerName[] {
  const { kind, oldPrimary, newPrimary } = context.operation();
  // The old primary of a failover awaits its rejoin: it may hold what nobody else has.
  return participants(context)
    .filter((name) => name !== newPrimary && !(kind === 'failover' && name === oldPrimary));
}

/** Tries until the server follows or its time is up. */
async function followWithin(context: StepContext, server: ServerName): Promise<void> {
  const { clock } = context.ports;
  const startedAtMs = clock.nowMs();
  for (;;) {
    try {
      await follow(context, await context.session(server), context.operation().newPrimary as ServerName);
      return;
    } catch (thrown) {
      const isOver = clock.nowMs() - startedAtMs > timing.perServerMs;
      // A server that nobody sees (it may be off for a week) is not worth the others' time.
      const isGone = thrown instanceof ActionError && thrown.failure === 'unreachable';
      if (isOver || isGone || !(thrown instanceof ActionError)) throw thrown;
      await clock.sleep(timing.retryMs);
    }
  }
}

/** Makes a server a replica of `source`, acknowledging as it did before the operation. Idempotent. */
export async function follow(context: StepContext, session: ActionSession, source: ServerName): Promise<void> {
  const operation = context.operation();
  const { host, port } = context.sessions.serverSpec(source);
  const { user, password } = context.spec.replication;
  const facts = await session.look();
  if (!facts.superReadOnly) await session.closeForWrites(timing.closeMs);
  const isFollowing = facts.replica?.sourceHost === host && facts.replica.sourcePort === port;
  if (!isFollowing) {
    // pointAt itself sees to it that the applier runs, or that nothing is left to apply: with both threads stopped a
    // CHANGE throws the relay log away.
    if (facts.replica !== null) await session.stopReceiver();
    await session.pointAt({ host, port, user, passwordRef: password });
  }
  // The two servers of a switchover swap their parts; any other takes up its own again.
  const model = session.server === operation.oldPrimary ? (operation.newPrimary ?? session.server) : session.server;
  const acknowledges = formerServers(operation)[model]?.acknowledges ?? facts.semiSync?.replicaEnabled ?? false;
  if ((facts.semiSync?.replicaEnabled ?? false) !== acknowledges && isFollowing) await session.stopReceiver();
  await session.setAcknowledging(acknowledges);
  await session.startReceiver();
  // A replica that waits for acknowledgements holds up its own applier: nobody acknowledges to it. Only now, since the
  // server takes up to a second for it (its acknowledgement thread sleeps in a poll), and the first commits of the new
  // primary may wait for this receiver.
  if (session.server === operation.oldPrimary && facts.semiSync?.sourceEnabled === true) {
    await session.setWaitingForAcks(false);
  }
  await session.startApplier();
  await waitConnected(context, session);
}

async function waitConnected(context: StepContext, session: ActionSession): Promise<void> {
  const { clock } = context.ports;
  const startedAtMs = clock.nowMs();
  let facts: ServerFacts = await session.look();
  while (facts.replica?.receiver !== 'on') {
    if (clock.nowMs() - startedAtMs > timing.receiverConnectMs) {
      const why = facts.replica?.receiverError ?? '';
      throw new ActionError('rejected', `${session.server} does not connect to its source${why && `: ${why}`}`);
    }
    await clock.sleep(timing.pollMs);
    facts = await session.look();
  }
  if (facts.replica.applier === 'off') {
    throw new ActionError('rejected', `the applier of ${session.server} stops: ${facts.replica.applierError}`);
  }
}
