/**
 * One session on one server that may change it: it holds the server's lock under an epoch, writes nothing to a binary
 * log, and ends every wait. Each method is safe to call again; each that changes something reads it back. Whoever gets
 * `unknown` from one must open a new session and look.
 */
import type { Secret, ServerAddress, ServerFacts, ServerName } from '../base/index.js';
import { fenceAttributes, refuseHigherEpoch, takeLock, writeEpoch } from './action-lock.js';
import type { FenceWords, LogLine } from './action-lock.js';
import { ActionStatements, actionError } from './action-statements.js';
import { clientIds, endAllClients, endPresentClients } from './clients.js';
import { limits } from './limits.js';
import { forgetSource, pointAt, stopReceiver, waitExecuted, type SourceWords } from './receiver.js';
import { isOn, text, type Row } from './row.js';
import { Session } from './session.js';
import { nowMs } from './timers.js';

export interface ActionSessionOptions {
  readonly server: ServerName;
  readonly address: ServerAddress;
  readonly user: string;
  readonly password: Secret;
  readonly fence: FenceWords;
  /** For connecting and taking the lock together. */
  readonly withinMs: number;
  /** Resolves a reference to the replication account's password; called only when it is sent. May throw. */
  readonly passwordOf: (ref: string) => Secret;
  readonly log?: LogLine;
}

export async function openActionSession(options: ActionSessionOptions): Promise<MysqlActionSession> {
  const { server, address, user, password, fence, withinMs } = options;
  const endsAtMs = nowMs() + withinMs;
  let session: Session;
  try {
    session = await Session.open({ address, user, password, withinMs, attributes: fenceAttributes(fence) });
  } catch (thrown) {
    throw actionError(thrown, server, 'connect');
  }
  // Bound by the time that the caller gave, whatever each statement may take otherwise.
  const on = new ActionStatements(session, server, endsAtMs);
  try {
    await on.run('keep this session out of the binary log', session.flavor.statements.withoutBinlog);
    await takeLock(on, fence, endsAtMs - nowMs(), options.log ?? (() => undefined));
    // After the lock: whoever was before us can write no more.
    await refuseHigherEpoch(on, fence);
  } catch (thrown) {
    session.close();
    throw thrown;
  }
  return new MysqlActionSession(new ActionStatements(session, server), options);
}

interface Writability {
  readonly readOnly: boolean;
  readonly superReadOnly: boolean;
  readonly offline: boolean;
}

export class MysqlActionSession {
  readonly server: ServerName;
  readonly #on: ActionStatements;
  readonly #options: ActionSessionOptions;

  constructor(on: ActionStatements, options: ActionSessionOptions) {
    this.server = options.server;
    this.#on = on;
    this.#options = options;
  }

  get isLost(): boolean {
    return this.#on.session.isLost;
  }

  look(): Promise<ServerFacts> {
    return this.#on.look();
  }

  async countClients(): Promise<number> {
    return (await clientIds(this.#on, this.#options.user)).length;
  }

  async disconnectClients(): Promise<number> {
    await this.setOffline(true);
    return endAllClients(this.#on, this.#options.user);
  }

  /** Ends the sessions of replicas too, where their account has no CONNECTION_ADMIN: they reconnect only after. */
  async setOffline(isOffline: boolean): Promise<void> {
    const { offlineOn, offlineOff } = this.#statements;
    await this.#on.run(isOffline ? 'go offline' : 'go online', isOffline ? offlineOn : offlineOff);
    const now = await this.#writability();
    if (now.offline !== isOffline) throw this.#on.refuse('offline_mode is not what it was set to');
  }

  killClients(): Promise<number> {
    return endPresentClients(this.#on, this.#options.user);
  }

  async closeForWrites(withinMs: number): Promise<void> {
    await this.#waitingForLocks('close it for writes', this.#statements.superReadOnlyOn, withinMs);
    const now = await this.#writability();
    if (!now.superReadOnly || !now.readOnly) throw this.#on.refuse('it is not read-only after it was closed');
  }

  async openForUs(): Promise<void> {
    const before = await this.#writability();
    // First the one, then the other: at no moment are both off.
    if (!before.readOnly) await this.#waitingForLocks('keep it read-only', this.#statements.readOnlyOn);
    if (before.superReadOnly) await this.#on.run('open it for hactl', this.#statements.superReadOnlyOff);
    const now = await this.#writability();
    if (now.superReadOnly || !now.readOnly) throw this.#on.refuse('it is not open for hactl alone');
  }

  recordEpoch(): Promise<void> {
    return writeEpoch(this.#on, this.#options.fence);
  }

  async openForWrites(): Promise<void> {
    await this.#on.run('open it for writes', this.#statements.readOnlyOff);
    const now = await this.#writability();
    if (now.readOnly || now.superReadOnly) throw this.#on.refuse('it is still read-only after it was opened');
  }

  stopReceiver(): Promise<void> {
    return stopReceiver(this.#on);
  }

  async startReceiver(): Promise<void> {
    await this.#on.run('start the receiver', this.#statements.startReceiver);
  }

  async startApplier(): Promise<void> {
    await this.#on.run('start the applier', this.#statements.startApplier);
  }

  forgetSource(): Promise<void> {
    return forgetSource(this.#on);
  }

  pointAt(source: SourceWords): Promise<void> {
    return pointAt(this.#on, source, this.#options.passwordOf);
  }

  setAcknowledging(isAcknowledging: boolean): Promise<void> {
    return this.#setSwitch(this.#statements.acknowledgingNames, isAcknowledging);
  }

  setWaitingForAcks(isWaiting: boolean): Promise<void> {
    return this.#setSwitch(this.#statements.waitingForAcksNames, isWaiting);
  }

  waitExecuted(gtids: string, withinMs: number): Promise<boolean> {
    return waitExecuted(this.#on, gtids, withinMs);
  }

  close(): void {
    this.#on.session.close();
  }

  get #statements(): Session['flavor']['statements'] {
    return this.#on.session.flavor.statements;
  }

  #writability(): Promise<Writability> {
    return this.#on.readRow('read back', this.#statements.writability, (row) => ({
      readOnly: isOn(row['read_only']),
      superReadOnly: isOn(row['super_read_only']),
      offline: isOn(row['offline_mode']),
    }));
  }

  /** The server gives up by itself (error 1205) before we do: then it is `rejected`, and not `unknown`. */
  async #waitingForLocks(doing: string, sql: string, withinMs: number = limits.statementMs): Promise<void> {
    const seconds = Math.max(1, Math.ceil(withinMs / 1000));
    await this.#on.run(doing, this.#statements.lockWaitTimeout, { values: [seconds] });
    await this.#on.run(doing, sql, { withinMs: seconds * 1000 + limits.answerMarginMs });
  }

  async #setSwitch(names: readonly string[], isOnWanted: boolean): Promise<void> {
    const read = (rows: readonly Row[]): Map<string, unknown> =>
      new Map(rows.map((row) => [text(row, 'name'), row['value']]));
    const values = await this.#on.read('read semi-sync settings', this.#statements.semiSyncVariables, read);
    const name = names.find((known) => values.has(known));
    if (name === undefined || isOn(values.get(name)) === isOnWanted) return;
    await this.#on.run(`set ${name}`, this.#on.session.flavor.setGlobalSwitch(name, isOnWanted));
  }
}

/** One read-only look on a connection of its own. Throws ActionError. */
export async function look(
  address: ServerAddress,
  user: string,
  password: Secret,
  withinMs: number,
): Promise<ServerFacts> {
  const endsAtMs = nowMs() + withinMs;
  const server = `${address.host}:${address.port}`;
  let session: Session;
  try {
    session = await Session.open({ address, user, password, withinMs, attributes: {} });
  } catch (thrown) {
    throw actionError(thrown, server, 'connect');
  }
  try {
    return await new ActionStatements(session, server).look(endsAtMs - nowMs());
  } finally {
    session.close();
  }
}

