/**
 * Ordinary client sessions of a server: counted, and ended. Replication and hactl's own sessions are left alone. A
 * session that was killed and still hangs in its commit counts as gone: its socket is closed, so nobody can be told
 * that the commit succeeded.
 */
import { unless, type ActionStatements } from './action-statements.js';
import { limits } from './limits.js';
import { count, type Row } from './row.js';
import { nowMs, sleep } from './timers.js';

const noSuchThread = 1094;
/** Sessions of accounts with SYSTEM_USER can only be ended by such an account. They stay counted. */
const notOwner = 1095;

export function clientIds(on: ActionStatements, ownUser: string): Promise<readonly number[]> {
  const sql = on.session.flavor.statements.clients;
  const read = (rows: readonly Row[]): readonly number[] => rows.map((row) => count(row, 'id'));
  return on.read('list client sessions', sql, read, { values: [ownUser] });
}

/**
 * With new ones kept out: kills until none is left or the time is up, and newcomers too. Returns how many are left.
 */
export async function endAllClients(on: ActionStatements, ownUser: string): Promise<number> {
  const endsAtMs = nowMs() + limits.clientsGoneMs;
  const killed = new Set<number>();
  for (;;) {
    const ids = await clientIds(on, ownUser);
    if (ids.length === 0) return 0;
    for (const id of ids.filter((found) => !killed.has(found)).slice(0, limits.killsPerRound)) {
      await kill(on, id);
      killed.add(id);
    }
    if (nowMs() >= endsAtMs) return (await clientIds(on, ownUser)).length;
    await sleep(limits.clientsGonePollMs);
  }
}

/**
 * Without keeping new ones out: kills those that are there now and waits until they are gone or the time is up. Returns
 * how many of them are left. Where a pool reconnects at once no moment without clients ever comes, so newcomers are
 * neither waited for nor counted. The server gives no number twice, so a newcomer is never taken for a listed one.
 */
export async function endPresentClients(on: ActionStatements, ownUser: string): Promise<number> {
  const listed = await clientIds(on, ownUser);
  const killsEndAtMs = nowMs() + limits.killsMs;
  for (const id of listed) {
    // Those not reached in time stay alive and are counted below.
    if (nowMs() >= killsEndAtMs) break;
    await kill(on, id);
  }
  const endsAtMs = nowMs() + limits.clientsGoneMs;
  for (;;) {
    const present = new Set(await clientIds(on, ownUser));
    const left = listed.filter((id) => present.has(id)).length;
    if (left === 0 || nowMs() >= endsAtMs) return left;
    await sleep(limits.clientsGonePollMs);
  }
}

async function kill(on: ActionStatements, id: number): Promise<void> {
  const { killSession } = on.session.flavor.statements;
  await unless([noSuchThread, notOwner], on.run('end a client session', killSession, { values: [id] }));
}
