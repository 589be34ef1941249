/**
 * Where a replica receives from. The rule over all: what was received and not yet executed may have been acknowledged
 * to a client, so no statement here may throw a relay log away. CHANGE with both threads stopped does, RESET does;
 * CHANGE of receiver options while the applier runs does not (measured, see the integration test).
 */
import { GtidSet, type ReplicaFacts, type Secret, type ServerFacts } from '../base/index.js';
import type { ActionStatements } from './action-statements.js';
import { limits } from './limits.js';
import { countOrNull, type Row } from './row.js';
import { nowMs } from './timers.js';

export interface SourceWords {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly passwordRef: string;
}

export async function waitExecuted(on: ActionStatements, gtids: string, withinMs: number): Promise<boolean> {
  // A time-out of 0 would wait for ever.
  const seconds = Math.max(withinMs, 1) / 1000;
  const sql = on.session.flavor.statements.waitExecuted;
  const isInTime = (row: Row): boolean => countOrNull(row, 'is_late') === 0;
  return on.readRow('wait for transactions to be applied', sql, isInTime, {
    values: [gtids, seconds],
    withinMs: withinMs + limits.answerMarginMs,
  });
}

async function hasExecuted(on: ActionStatements, gtids: string): Promise<boolean> {
  const sql = on.session.flavor.statements.contains;
  const isContained = (row: Row): boolean => countOrNull(row, 'is_contained') === 1;
  return on.readRow('compare received with executed', sql, isContained, { values: [gtids] });
}

export async function stopReceiver(on: ActionStatements): Promise<void> {
  const before = (await on.look()).replica;
  if (before === null || before.receiver === 'off') return;
  const sql = on.session.flavor.statements.stopReceiver;
  await on.run('stop the receiver', sql, { withinMs: limits.stopReceiverMs });
  const { replica } = await on.look();
  if (replica !== null && replica.receiver !== 'off') throw on.refuse('the receiver still runs after it was stopped');
}

export async function forgetSource(on: ActionStatements): Promise<void> {
  const { replica } = await on.look();
  if (replica === null) return;
  const { stopReplica, forgetReplica } = on.session.flavor.statements;
  await refuseUnapplied(on, replica);
  const wasReceiving = replica.receiver !== 'off';
  if (wasReceiving) {
    await stopReceiver(on);
    // It may have received more until it stopped.
    const after = (await on.look()).replica;
    if (after !== null && !(await hasExecuted(on, after.received))) {
      await on.run('start the receiver again', on.session.flavor.statements.startReceiver);
      await refuseUnapplied(on, after);
    }
  }
  await on.run('stop replication', stopReplica, { withinMs: limits.stopReceiverMs });
  await on.run('forget the source', forgetReplica);
  if ((await on.look()).replica !== null) throw on.refuse('the source is still configured after it was forgotten');
}

async function refuseUnapplied(on: ActionStatements, replica: ReplicaFacts): Promise<void> {
  if (await hasExecuted(on, replica.received)) return;
  throw on.refuse(`received transactions are not executed yet (received ${replica.received})`);
}

function isAt(replica: ReplicaFacts, source: SourceWords): boolean {
  const isThere = replica.sourceHost === source.host && replica.sourcePort === source.port;
  return isThere && replica.sourceUser === source.user && replica.autoPosition;
}

type Applying = 'applied' | 'stopped' | 'late';

/** Waits for what was received, as long as the applier runs. */
async function applied(on: ActionStatements, received: string, withinMs: number): Promise<Applying> {
  const endsAtMs = nowMs() + withinMs;
  for (;;) {
    if (await waitExecuted(on, received, Math.min(limits.applySliceMs, endsAtMs - nowMs()))) return 'applied';
    const { replica } = await on.look();
    if (replica === null || replica.applier === 'off') {
      return (await hasExecuted(on, received)) ? 'applied' : 'stopped';
    }
    if (nowMs() >= endsAtMs) return 'late';
  }
}

/**
 * Makes sure that a CHANGE loses nothing: the applier runs and goes on running, or nothing is left to apply. One that
 * was started a moment ago is not yet known to run: it may stop at its first transaction (a duplicate key), and with
 * both threads stopped CHANGE throws the relay log away.
 */
async function keepRelayLog(on: ActionStatements, replica: ReplicaFacts): Promise<void> {
  if (await hasExecuted(on, replica.received)) return;
  const isRunning = replica.applier === 'on';
  if (!isRunning) await on.run('start the applier', on.session.flavor.statements.startApplier);
  // An applier that ran before may be busy for hours or wait for a lock, and CHANGE leaves it alone.
  const mayBeLate = isRunning && replica.autoPosition;
  const result = await applied(on, replica.received, mayBeLate ? limits.applierSteadyMs : limits.applyBeforeRepointMs);
  if (result === 'applied' || (result === 'late' && mayBeLate)) return;
  const why = result === 'stopped' ? 'its applier stopped' : 'its applier was not done in time';
  throw on.refuse(`${why}, and pointing it elsewhere would throw away what it received (${replica.received})`);
}

/** The applier may have stopped in the very instant of the CHANGE: a loss must not look like success. */
function refuseLoss(on: ActionStatements, before: ServerFacts, after: ServerFacts): void {
  const had = GtidSet.parse(before.replica?.received ?? '');
  const has = GtidSet.unionOf([after.executed, after.replica?.received ?? ''].map((text) => GtidSet.parse(text)));
  if (had.isSubsetOf(has)) return;
  throw on.refuse(`received transactions were thrown away by the change: ${had.subtract(has).toString()}`);
}

export async function pointAt(
  on: ActionStatements,
  source: SourceWords,
  passwordOf: (ref: string) => Secret,
): Promise<void> {
  const { statements, changeSource } = on.session.flavor;
  const before = await on.look();
  const { replica } = before;
  if (replica !== null && isAt(replica, source)) return;
  if (replica !== null && replica.receiver !== 'off') throw on.refuse('the receiver runs: stop it before pointing it');
  if (replica !== null) await keepRelayLog(on, replica);
  const setsAutoPosition = replica !== null && !replica.autoPosition;
  if (setsAutoPosition) await on.run('stop replication', statements.stopReplica, { withinMs: limits.stopReceiverMs });
  const needsAccount = replica === null || replica.sourceUser !== source.user;
  const account = needsAccount ? { user: source.user, password: passwordOf(source.passwordRef).reveal() } : null;
  const change = changeSource({
    host: source.host,
    port: source.port,
    account,
    isFirst: replica === null,
    setsAutoPosition,
  });
  const where = `${source.host}:${source.port}`;
  await on.run(`point it at ${where}`, change.sql, { values: change.values, isSecret: account !== null });
  const after = await on.look();
  refuseLoss(on, before, after);
  if (after.replica === null || !isAt(after.replica, source)) {
    throw on.refuse(`it is not pointed at ${where} after the change`);
  }
}
