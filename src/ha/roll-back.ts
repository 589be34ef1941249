/**
 * Undoing an operation before its point of no return: every server as it was when the operation began, replicas first
 * so that there is somebody to acknowledge, then the primary opens again. Idempotent. A server that cannot be reached
 * is named and left: it holds the others up no longer than its time.
 */
import { ActionError } from '../base/index.js';
import type { ServerName } from '../base/index.js';
import type { ActionSession } from './ports.js';
import { failuresAsText, listed, onEach } from './steps/each.js';
import { formerServers } from './steps/step.js';
import type { FormerServer, StepContext } from './steps/step.js';
import { timing } from './timing.js';

/** Returns a sentence. Throws ReignEnded. */
export async function rollBack(context: StepContext): Promise<string> {
  const operation = context.operation();
  const former = formerServers(operation);
  // The first step commits how every server was before the second touches anything.
  if (operation.cursor === 0) return 'nothing was touched';
  const replicas = context.spec.servers
    .map((server) => server.name)
    .filter((name) => name !== operation.oldPrimary && former[name] !== undefined);
  const restored = await onEach(replicas, (server) =>
    retrying(context, server, (session) => restoreReplica(context, session, former[server])),
  );
  const primary = await onEach([operation.oldPrimary], (server) =>
    retrying(context, server, (session) => restorePrimary(session, former[server])),
  );
  const failed = { ...failuresAsText(restored.failed), ...failuresAsText(primary.failed) };
  const names = Object.keys(failed);
  if (names.length === 0) return 'every server is as it was';
  return `not restored: ${listed(names)} (${Object.values(failed).join('; ')})`;
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
  former: FormerServer | undefined,
): Promise<void> {
  if (former === undefined || !former.isReplica) return;
  const { oldPrimary } = context.operation();
  const { host, port } = context.sessions.serverSpec(oldPrimary);
  const { user, password } = context.spec.replication;
  const facts = await session.look();
  const isFollowing = facts.replica?.sourceHost === host && facts.replica.sourcePort === port;
  const isUntouched = isFollowing
    && facts.replica?.receiver !== 'off'
    && (facts.semiSync?.replicaEnabled ?? false) === former.acknowledges;
  if (isUntouched) return;
  await session.stopReceiver();
  if (!isFollowing) {
    await session.startApplier();
    await session.pointAt({ host, port, user, passwordRef: password });
  }
  await session.setAcknowledging(former.acknowledges);
  await session.startReceiver();
  await session.startApplier();
}

async function restorePrimary(session: ActionSession, former: FormerServer | undefined): Promise<void> {
  const facts = await session.look();
  await session.setOffline(false);
  if (former !== undefined && facts.semiSync !== null && facts.semiSync.sourceEnabled !== former.waitsForAcks) {
    await session.setWaitingForAcks(former.waitsForAcks);
  }
  // The recorded primary, if nobody had seen it before, is taken to have been open: that is what a primary is.
  const wasClosed = former !== undefined && (former.superReadOnly || former.readOnly);
  if (!wasClosed && facts.readOnly) await session.openForWrites();
}
