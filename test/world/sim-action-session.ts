/** The manager's end of an action session: each statement travels, may be lost with its connection, and is noted. */
import { ActionError, gtidSet } from '../../src/base/index.js';
import type { ServerFacts, ServerName } from '../../src/base/index.js';
import type { ActionSession, SourceSpec } from '../../src/ha/index.js';
import type { Environment } from './environment.js';
import type { Answer, PortCalls } from './port-calls.js';
import { fenced } from './sim-session.js';
import type { SimSession } from './sim-session.js';

/**
 * Told of every statement that changes a server, in the moment in which it does. `sentAtMs`: when it left its manager,
 * which may be dead or deposed by now.
 */
export type ActionObserver = (session: SimSession, verb: string, sentAtMs: number) => void;

/** A statement without an answer is given up after this. */
export const statementMs = 5000;

export class SimActionSession implements ActionSession {
  readonly server: ServerName;
  readonly #env: Environment;
  readonly #calls: PortCalls;
  readonly #session: SimSession;
  readonly #onAction: ActionObserver;

  constructor(env: Environment, calls: PortCalls, session: SimSession, onAction: ActionObserver) {
    this.server = session.server.name;
    this.#env = env;
    this.#calls = calls;
    this.#session = session;
    this.#onAction = onAction;
  }

  get isLost(): boolean {
    return !this.#session.isAlive;
  }

  look(): Promise<ServerFacts> {
    return this.#statement('look', (answer) => answer.ok(this.#session.server.facts()));
  }

  countClients(): Promise<number> {
    return this.#statement('count-clients', (answer) => answer.ok(this.#session.server.clients.size));
  }

  disconnectClients(): Promise<number> {
    return this.#act('disconnect-clients', (server) => {
      server.setOffline(true);
      server.disconnectClients();
      return server.clients.size;
    });
  }

  setOffline(isOffline: boolean): Promise<void> {
    return this.#act(`set-offline ${isOffline}`, (server) => server.setOffline(isOffline));
  }

  killClients(): Promise<number> {
    return this.#act('kill-clients', (server) => {
      server.disconnectClients();
      return server.clients.size;
    });
  }

  closeForWrites(withinMs: number): Promise<void> {
    const sentAtMs = this.#env.queue.nowMs;
    return this.#statement('close-for-writes', (answer) => {
      this.#onAction(this.#session, 'close-for-writes', sentAtMs);
      this.#session.server.close(withinMs, (isClosed) => {
        if (isClosed) answer.ok(undefined);
        else answer.fail(new ActionError('rejected', `${this.server}: commits hang`, { serverErrno: 1205 }));
      });
    });
  }

  openForUs(): Promise<void> {
    return this.#act('open-for-us', (server) => {
      server.cameUpOpen = false;
      server.readOnly = true;
      server.superReadOnly = false;
    });
  }

  recordEpoch(): Promise<void> {
    return this.#act('record-epoch', (server) => {
      const { cluster, epoch } = this.#session.fence;
      if (server.superReadOnly) throw new ActionError('rejected', `${this.server} is super_read_only`);
      const recorded = server.recordedEpochs.get(cluster) ?? 0;
      if (recorded > epoch) throw fenced(`${this.server}: epoch ${recorded} is recorded there`, recorded);
      server.recordedEpochs.set(cluster, epoch);
    });
  }

  openForWrites(): Promise<void> {
    return this.#act('open-for-writes', (server) => {
      server.cameUpOpen = false;
      server.cameUpClosed = false;
      server.readOnly = false;
      server.superReadOnly = false;
    });
  }

  stopReceiver(): Promise<void> {
    return this.#act('stop-receiver', (server) => server.replica?.stopReceiver());
  }

  startReceiver(): Promise<void> {
    return this.#act('start-receiver', (server) => server.replica?.startReceiver());
  }

  startApplier(): Promise<void> {
    return this.#act('start-applier', (server) => server.replica?.startApplier());
  }

  forgetSource(): Promise<void> {
    return this.#act('forget-source', (server) => {
      const unapplied = server.replica?.received.subtract(server.executed);
      if (unapplied !== undefined && !unapplied.isEmpty()) {
        throw new ActionError('rejected', `${this.server}: received ${unapplied.toString()}, not executed`);
      }
      server.replica?.stopReceiver();
      server.replica?.stopApplier();
      server.replica = null;
    });
  }

  pointAt(source: SourceSpec): Promise<void> {
    return this.#act(`point-at ${source.host}`, (server) => {
      const { replica } = server;
      if (replica?.source.host === source.host && replica.source.port === source.port) return;
      if (replica !== null && replica.receiver !== 'off') {
        throw new ActionError('rejected', `${this.server}: the receiver runs`);
      }
      if (replica !== null && !replica.wantsApplier && replica.relayLog.length > 0) {
        throw new ActionError('rejected', `${this.server}: the change would throw the relay log away`);
      }
      server.pointAt(source);
    });
  }

  setAcknowledging(isAcknowledging: boolean): Promise<void> {
    return this.#act(`set-acknowledging ${isAcknowledging}`, (server) => {
      server.acknowledges = isAcknowledging;
    });
  }

  setWaitingForAcks(isWaiting: boolean): Promise<void> {
    return this.#act(`set-waiting-for-acks ${isWaiting}`, (server) => server.setWaitingForAcks(isWaiting));
  }

  waitExecuted(gtids: string, withinMs: number): Promise<boolean> {
    const { server } = this.#session;
    const wanted = gtidSet(gtids);
    return this.#statement('wait-executed', (answer) => {
      server.wait(() => wanted.isSubsetOf(server.executed), withinMs, (isDone) => answer.ok(isDone));
    });
  }

  close(): void {
    const session = this.#session;
    session.endLater(this.#env.network);
  }

  #act<T>(verb: string, effect: (server: SimSession['server']) => T): Promise<T> {
    const sentAtMs = this.#env.queue.nowMs;
    return this.#statement(verb, (answer) => {
      this.#onAction(this.#session, verb, sentAtMs);
      try {
        answer.ok(effect(this.#session.server));
      } catch (thrown) {
        if (!(thrown instanceof ActionError)) throw thrown;
        answer.fail(thrown);
      }
      this.#session.server.changed();
    });
  }

  #statement<T>(verb: string, far: (answer: Answer<T>) => void): Promise<T> {
    const session = this.#session;
    const { server } = session;
    const inOrder = {
      to: server.name,
      notBeforeMs: session.quietAtMs,
      onSent: (atMs: number): void => {
        session.quietAtMs = atMs;
      },
    };
    return this.#calls.call<T>({ label: `${server.name} ${verb}`, ...inOrder }, (answer) => {
      let isAnswered = false;
      const unknown = (): void => {
        if (!isAnswered) answer.fail(new ActionError('unknown', `${server.name}: no answer to ${verb}`));
      };
      const { network } = this.#env;
      const { manager } = session.fence;
      if (session.isAlive && (server.isHung || network.blocks(manager, server.name))) {
        this.#env.queue.after(statementMs, unknown);
        return;
      }
      if (!session.isAlive) {
        unknown();
        return;
      }
      session.onEnd(unknown);
      const answered = (say: () => void): void => {
        // Done, and nobody is told.
        if (network.blocks(server.name, manager)) {
          this.#env.queue.after(statementMs, unknown);
          return;
        }
        isAnswered = true;
        say();
      };
      far({
        ok: (value) => answered(() => answer.ok(value)),
        fail: (error) => answered(() => answer.fail(error)),
      });
    });
  }
}
