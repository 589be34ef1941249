/**
 * Ordinary client sessions of a server: counted, and ended. Replication and hactl's own sessions are left alone. A
 * session that was killed and still hangs in its commit counts as gone: its socket is closed, so nobody can be told
 * that the commit succeeded.
 */
import { unless, type ActionStatements } from './action-statements.js';
import { limits } from './limits.js';
import { count } from './row.js';
import { nowMs, sleep } from './timers.js';

const noSuchThread = 1094;
/** Sessions of accounts with SYSTEM_USER can only be ended by such an account. They stay counted. */
const notOwner = 1095;

export async function clientIds(on: ActionStatements, ownUser: string): Promise<readonly number[]> {
  const rows = await on.run('list client sessions', on.session.flavor.statements.clients, { values: [ownUser] });
  return rows.map((row) => count(row, 'id'));
}

/** Kills until none is left or the time is up; newcomers too. Returns how many are left. */
export async function endClients(on: ActionStatements, ownUser: string): Promise<number> {
  const { killSession } = on.session.flavor.statements;
  const endsAtMs = nowMs() + limits.clientsGoneMs;
  const killed = new Set<number>();
  for (;;) {
    const ids = await clientIds(on, ownUser);
    if (ids.length === 0) return 0;
    for (const id of ids.filter((found) => !killed.has(found)).slice(0, limits.killsPerRound)) {
      await unless([noSuchThread, notOwner], on.run('end a client session', killSession, { values: [id] }));
      killed.add(id);
    }
    if (nowMs() >= endsAtMs) return (await clientIds(on, ownUser)).length;
    await sleep(limits.clientsGonePollMs);
  }
}
