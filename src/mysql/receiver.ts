/**
 * Where a replica receives from. The rule over all: what was received and not yet executed may have been acknowledged
 * to a client, so no statement here may throw a relay log away. CHANGE with both threads stopped does, RESET does;
 * CHANGE of receiver options while the applier runs does not (measured, see the integration test).
 */
import type { ReplicaFacts, Secret } from '../base/index.js';
import type { ActionStatements } from './action-statements.js';
import { limits } from './limits.js';
import { countOrNull } from './row.js';

export interface SourceWords {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly passwordRef: string;
}

export async function waitExecuted(on: ActionStatements, gtids: string, withinMs: number): Promise<boolean> {
  // A time-out of 0 would wait for ever.
  const seconds = Math.max(withinMs, 1) / 1000;
  const row = await on.row('wait for transactions to be applied', on.session.flavor.statements.waitExecuted, {
    values: [gtids, seconds],
    withinMs: withinMs + limits.answerMarginMs,
  });
  return countOrNull(row, 'is_late') === 0;
}

async function hasExecuted(on: ActionStatements, gtids: string): Promise<boolean> {
  const sql = on.session.flavor.statements.contains;
  const row = await on.row('compare received with executed', sql, { values: [gtids] });
  return countOrNull(row, 'is_contained') === 1;
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

/** Makes sure that a CHANGE loses nothing: the applier runs, or nothing is left to apply. */
async function keepRelayLog(on: ActionStatements, replica: ReplicaFacts): Promise<void> {
  const mustBeEmpty = !replica.autoPosition;
  if (replica.applier === 'on' && !mustBeEmpty) return;
  if (await hasExecuted(on, replica.received)) return;
  if (replica.applier === 'off') await on.run('start the applier', on.session.flavor.statements.startApplier);
  // Running is not enough here: an applier that stops again at once (a duplicate key) would leave both threads
  // stopped, and then CHANGE throws the relay log away.
  if (await waitExecuted(on, replica.received, limits.applyBeforeRepointMs)) return;
  throw on.refuse('what was received cannot be applied, and pointing it elsewhere would throw that away');
}

export async function pointAt(
  on: ActionStatements,
  source: SourceWords,
  passwordOf: (ref: string) => Secret,
): Promise<void> {
  const { statements, changeSource } = on.session.flavor;
  const { replica } = await on.look();
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
  const after = (await on.look()).replica;
  if (after === null || !isAt(after, source)) throw on.refuse(`it is not pointed at ${where} after the change`);
}
