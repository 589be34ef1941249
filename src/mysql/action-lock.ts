/**
 * The right to act on one server: a named lock held by the session, and no higher epoch written there. A holder of a
 * lower epoch is killed; KILL is asynchronous, so only our own GET_LOCK() = 1 proves that it is gone and can execute
 * nothing any more. Whoever finds a higher epoch gives up without touching it.
 */
import { ActionError } from '../base/index.js';
import { unless, type ActionStatements } from './action-statements.js';
import { limits } from './limits.js';
import { countOrNull, text, type Row } from './row.js';
import { nowMs, sleep } from './timers.js';

/** Who acts; of the shape of ha's Fence. */
export interface FenceWords {
  readonly cluster: string;
  readonly epoch: number;
  readonly operation: string;
  readonly manager: string;
}

export type LogLine = (sentence: string) => void;

const noSuchThread = 1094;
const noSuchDatabase = 1049;
const noSuchTable = 1146;

export const lockName = (cluster: string): string => `hactl:${cluster}`.slice(0, limits.lockNameChars);

/** What a session shows of itself to whoever wants the lock after it. */
export const fenceAttributes = (fence: FenceWords): Record<string, string> => ({
  hactl_cluster: fence.cluster,
  hactl_epoch: String(fence.epoch),
  hactl_operation: fence.operation,
  hactl_manager: fence.manager,
});

interface Holder {
  readonly id: number;
  /** null: unreadable, or not one of ours. */
  readonly epoch: number | null;
  readonly manager: string;
}

async function holderOf(on: ActionStatements, name: string): Promise<Holder | null> {
  const { lockHolder, sessionAttributes } = on.session.flavor.statements;
  const doing = 'see who holds the lock';
  const id = await on.readRow(doing, lockHolder, (row) => countOrNull(row, 'holder'), { values: [name] });
  if (id === null) return null;
  const read = (rows: readonly Row[]): Map<string, string> =>
    new Map(rows.map((row) => [text(row, 'name'), text(row, 'value')]));
  const words = await on.read(doing, sessionAttributes, read, { values: [id] });
  const given = words.get('hactl_epoch') ?? '';
  return { id, epoch: /^\d{1,15}$/.test(given) ? Number(given) : null, manager: words.get('hactl_manager') ?? '' };
}

export async function takeLock(
  on: ActionStatements,
  fence: FenceWords,
  withinMs: number,
  log: LogLine,
): Promise<void> {
  const { tryLock, killSession } = on.session.flavor.statements;
  const name = lockName(fence.cluster);
  const endsAtMs = nowMs() + withinMs;
  const killed = new Set<number>();
  for (;;) {
    const got = await on.readRow('take the lock', tryLock, (row) => countOrNull(row, 'got'), { values: [name] });
    if (got === 1) return;
    const holder = await holderOf(on, name);
    if (holder !== null && holder.epoch !== null && holder.epoch > fence.epoch) {
      const who = `epoch ${holder.epoch} of manager ${holder.manager}`;
      const sentence = `${on.server}: ${who} holds the lock, ours is epoch ${fence.epoch}`;
      throw new ActionError('fenced', sentence, { higherEpoch: holder.epoch });
    }
    if (holder !== null && !killed.has(holder.id)) {
      const epoch = holder.epoch === null ? 'an unreadable epoch' : `epoch ${holder.epoch}`;
      log(`${on.server}: session ${holder.id} of ${epoch} holds the lock: killing it`);
      await unless([noSuchThread], on.run('end the holder of the lock', killSession, { values: [holder.id] }));
      killed.add(holder.id);
    }
    // A try that is cut off by its deadline would be `unknown`, where this is plain.
    if (nowMs() + limits.lockPollMs + limits.lockTryMs > endsAtMs) {
      const who = holder === null ? 'other sessions' : `session ${holder.id}`;
      throw on.refuse(`${who} still held the lock after ${Math.round(withinMs)} ms, KILL or not`);
    }
    await sleep(limits.lockPollMs);
  }
}

/** The epoch in schema hactl; null when none was ever written there. */
export async function recordedEpoch(on: ActionStatements, cluster: string): Promise<number | null> {
  let epoch: number | null = null;
  const read = async (): Promise<void> => {
    const sql = on.session.flavor.statements.recordedEpoch;
    const options = { values: [cluster] };
    epoch = await on.readRow('read the recorded epoch', sql, (row) => countOrNull(row, 'epoch'), options);
  };
  await unless([noSuchDatabase, noSuchTable], read());
  return epoch;
}

export async function refuseHigherEpoch(on: ActionStatements, fence: FenceWords): Promise<void> {
  const recorded = await recordedEpoch(on, fence.cluster);
  if (recorded === null || recorded <= fence.epoch) return;
  const sentence = `${on.server}: epoch ${recorded} is recorded there, ours is epoch ${fence.epoch}`;
  throw new ActionError('fenced', sentence, { higherEpoch: recorded });
}

export async function writeEpoch(on: ActionStatements, fence: FenceWords): Promise<void> {
  const { prepareFence, recordEpoch } = on.session.flavor.statements;
  const recorded = await recordedEpoch(on, fence.cluster);
  if (recorded === null) {
    for (const sql of prepareFence) await on.run('make the table for the epoch', sql);
  }
  if (recorded !== fence.epoch) {
    const values = [fence.cluster, fence.epoch, fence.manager, fence.operation];
    await on.run('record the epoch', recordEpoch, { values });
  }
  await refuseHigherEpoch(on, fence);
}
