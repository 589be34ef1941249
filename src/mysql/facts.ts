/**
 * One look at one server: three read-only statements on a session that somebody else holds. Never takes a lock, never
 * writes, never waits for replication threads longer than its deadline.
 */
import type { ServerFacts } from '../base/index.js';
import { SqlFailure } from './classify.js';
import type { Session } from './session.js';
import { nowMs } from './timers.js';

export async function readFacts(session: Session, withinMs: number): Promise<ServerFacts> {
  const endsAtMs = nowMs() + withinMs;
  const left = (): { withinMs: number } => ({ withinMs: endsAtMs - nowMs() });
  const { look } = session.flavor.statements;
  const server = await session.row(look.server, left());
  const replica = await session.query(look.replica, left());
  const connectedReplicas = await session.query(look.connectedReplicas, left());
  try {
    return session.flavor.decodeFacts({ server, replica, connectedReplicas });
  } catch (thrown) {
    // The server answered, only not in words that we know.
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SqlFailure({ kind: 'alive', reason: 'unreadable answer', detail, errno: null, isSent: true });
  }
}
