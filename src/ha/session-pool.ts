/**
 * The action sessions of one conducted operation: at most one per server, opened when first needed, closed at the end.
 * Every method that changes a server proves this manager's leadership first: a leader that slept, or that a majority
 * has left, sends nothing more. (What it sent before, and what sleeps in a socket, is the business of the lock.)
 */
import { ActionError } from '../base/index.js';
import type { ServerName } from '../base/index.js';
import type { ClusterSpec, ServerSpec } from './cluster-spec.js';
import type { ActionSession, Fence, HaPorts } from './ports.js';

/** Thrown when this manager is not the one to act any more. Everything unwinds; the next leader goes on. */
export class ReignEnded extends Error {
  /** A server knows of this epoch: whoever still proves to be the leader has to go above it. Null: none was seen. */
  readonly higherEpoch: number | null;

  constructor(reason: string, higherEpoch: number | null = null) {
    super(reason);
    this.name = 'ReignEnded';
    this.higherEpoch = higherEpoch;
  }
}

export class SessionPool {
  readonly #ports: HaPorts;
  readonly #spec: ClusterSpec;
  readonly #fence: Fence;
  readonly #open = new Map<ServerName, ActionSession>();
  /** Two sessions under one fence would take each other's lock. */
  readonly #opening = new Map<ServerName, Promise<ActionSession>>();
  /** Grows when all sessions are given up: what was begun under an older one acts no more. */
  #generation = 0;
  #isClosed = false;

  constructor(ports: HaPorts, spec: ClusterSpec, fence: Fence) {
    this.#ports = ports;
    this.#spec = spec;
    this.#fence = fence;
  }

  /** The session on `server`, opened within `withinMs` if there is none. Throws ActionError or ReignEnded. */
  async on(server: ServerName, withinMs: number): Promise<ActionSession> {
    // The server may have restarted since: a dead session says nothing of it.
    if (this.#open.get(server)?.isLost === true) this.drop(server);
    const known = this.#open.get(server) ?? this.#opening.get(server);
    if (known !== undefined) return known;
    const opening = this.#opened(server, withinMs, this.#generation);
    this.#opening.set(server, opening);
    try {
      return await opening;
    } finally {
      if (this.#opening.get(server) === opening) this.#opening.delete(server);
    }
  }

  /** Forgets a session that failed: the next use opens a new one and looks again. */
  drop(server: ServerName): void {
    this.#open.get(server)?.close();
    this.#open.delete(server);
  }

  /** Closes what is open; the next use opens a new session, which ends what the old one had under way. */
  dropAll(): void {
    this.#generation += 1;
    for (const session of this.#open.values()) session.close();
    this.#open.clear();
    this.#opening.clear();
  }

  /** For good: what is still being opened is closed as soon as it is there. */
  closeAll(): void {
    this.#isClosed = true;
    this.dropAll();
  }

  serverSpec(server: ServerName): ServerSpec {
    const spec = this.#spec.servers.find((candidate) => candidate.name === server);
    if (spec === undefined) throw new ActionError('unreachable', `${server} is not declared any more`);
    return spec;
  }

  async #opened(server: ServerName, withinMs: number, generation: number): Promise<ActionSession> {
    await this.#proveLeadership();
    try {
      const session = await this.#ports.servers.open(this.#spec, this.serverSpec(server), this.#fence, withinMs);
      if (this.#isClosed || generation !== this.#generation) {
        session.close();
        throw givenUp(server);
      }
      const guarded = this.#guard(session);
      this.#open.set(server, guarded);
      return guarded;
    } catch (thrown) {
      throw this.#translated(thrown);
    }
  }

  async #proveLeadership(): Promise<void> {
    if (!(await this.#ports.log.proveLeadership())) throw new ReignEnded('leadership could not be proved');
  }

  #translated(thrown: unknown): unknown {
    if (thrown instanceof ActionError && thrown.failure === 'fenced') {
      return new ReignEnded(thrown.message, thrown.higherEpoch);
    }
    return thrown;
  }

  #guard(session: ActionSession): ActionSession {
    const generation = this.#generation;
    const read = async <T>(work: () => Promise<T>): Promise<T> => {
      if (generation !== this.#generation) throw givenUp(session.server);
      return this.#attempt(guarded, work);
    };
    const act = async <T>(work: () => Promise<T>): Promise<T> => {
      await this.#proveLeadership();
      return read(work);
    };
    const guarded: ActionSession = {
      server: session.server,
      get isLost() {
        return session.isLost;
      },
      look: () => read(() => session.look()),
      countClients: () => read(() => session.countClients()),
      waitExecuted: (gtids, withinMs) => read(() => session.waitExecuted(gtids, withinMs)),
      disconnectClients: () => act(() => session.disconnectClients()),
      setOffline: (isOffline) => act(() => session.setOffline(isOffline)),
      killClients: () => act(() => session.killClients()),
      closeForWrites: (withinMs) => act(() => session.closeForWrites(withinMs)),
      openForUs: () => act(() => session.openForUs()),
      recordEpoch: () => act(() => session.recordEpoch()),
      openForWrites: () => act(() => session.openForWrites()),
      stopReceiver: () => act(() => session.stopReceiver()),
      startReceiver: () => act(() => session.startReceiver()),
      startApplier: () => act(() => session.startApplier()),
      forgetSource: () => act(() => session.forgetSource()),
      pointAt: (source) => act(() => session.pointAt(source)),
      setAcknowledging: (isAcknowledging) => act(() => session.setAcknowledging(isAcknowledging)),
      setWaitingForAcks: (isWaiting) => act(() => session.setWaitingForAcks(isWaiting)),
      close: () => session.close(),
    };
    return guarded;
  }

  async #attempt<T>(session: ActionSession, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      // After `unknown` the session may sit in the middle of a statement: only a new one can tell what happened.
      const isDead = thrown instanceof ActionError && thrown.failure !== 'rejected';
      if (isDead && this.#open.get(session.server) === session) this.drop(session.server);
      throw this.#translated(thrown);
    }
  }
}

function givenUp(server: ServerName): ActionError {
  return new ActionError('unreachable', `${server}: the work that needed this session was given up`);
}
