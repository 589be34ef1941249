/**
 * One look at one server: three read-only statements on a session that somebody else holds. Never takes a lock, never
 * writes, never waits for replication threads longer than its deadline. Throws SqlFailure, or BadRow when the server
 * answered in words that we cannot read.
 */
import type { ServerFacts } from '../base/index.js';
import type { Session, StatementOptions } from './session.js';
import { nowMs } from './timers.js';

export async function readFacts(session: Session, withinMs: number, isPatient = false): Promise<ServerFacts> {
  const endsAtMs = nowMs() + withinMs;
  const left = (): StatementOptions => ({ withinMs: endsAtMs - nowMs(), isPatient });
  const { look } = session.flavor.statements;
  const server = await session.row(look.server, left());
  const replica = await session.query(look.replica, left());
  const connectedReplicas = await session.query(look.connectedReplicas, left());
  return session.flavor.decodeFacts({ server, replica, connectedReplicas });
}
