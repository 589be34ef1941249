/** ServersPort of one manager: connects to the simulated servers over the simulated network. */
import { ActionError } from '../../src/base/index.js';
import type { ManagerId, ServerFacts } from '../../src/base/index.js';
import type { ActionSession, ClusterSpec, Fence, ServerSpec, ServersPort } from '../../src/ha/index.js';
import type { Environment } from './environment.js';
import type { Answer, PortCalls } from './port-calls.js';
import { SimActionSession } from './sim-action-session.js';
import type { ActionObserver } from './sim-action-session.js';
import { SimSession, takeLock } from './sim-session.js';
import type { SimServer } from './sim-server.js';

export interface SimServersPortOptions {
  readonly env: Environment;
  readonly manager: ManagerId;
  readonly calls: PortCalls;
  readonly servers: readonly SimServer[];
  readonly onAction: ActionObserver;
  readonly onLock: (session: SimSession) => void;
}

export class SimServersPort implements ServersPort {
  readonly #options: SimServersPortOptions;
  readonly #open = new Set<SimSession>();

  constructor(options: SimServersPortOptions) {
    this.#options = options;
  }

  open(_: ClusterSpec, spec: ServerSpec, fence: Fence, withinMs: number): Promise<ActionSession> {
    const { env, calls, onAction, onLock } = this.#options;
    return this.#connect<ActionSession>('open', spec, withinMs, (server, answer) => {
      const session = new SimSession(server, fence);
      this.#open.add(session);
      session.onEnd(() => this.#open.delete(session));
      const refusal = takeLock(session);
      if (refusal !== null) {
        session.end();
        answer.fail(refusal);
        return;
      }
      onLock(session);
      answer.ok(new SimActionSession(env, calls, session, onAction));
    });
  }

  look(_: ClusterSpec, spec: ServerSpec, withinMs: number): Promise<ServerFacts> {
    return this.#connect<ServerFacts>('look', spec, withinMs, (server, answer) => answer.ok(server.facts()));
  }

  /** The manager died: the kernel closes its sockets. A paused one keeps them. */
  endSessions(): void {
    for (const session of [...this.#open]) {
      session.endLater(this.#options.env.network);
    }
  }

  #connect<T>(
    verb: string,
    spec: ServerSpec,
    withinMs: number,
    far: (server: SimServer, answer: Answer<T>) => void,
  ): Promise<T> {
    const { env, calls, manager, servers } = this.#options;
    return calls.call<T>({ label: `${spec.name} connect-to-${verb}`, to: spec.name }, (answer) => {
      const server = servers.find((candidate) => candidate.host === spec.host);
      const unreachable = (): void => answer.fail(new ActionError('unreachable', `${spec.name}: cannot connect`));
      if (server === undefined) unreachable();
      else if (server.isHung || env.network.blocks(manager, server.name)) env.queue.after(withinMs, unreachable);
      else if (env.network.blocks(server.name, manager)) {
        // It was let in and does not know it: what it asked for is done, the lock is taken.
        const giveUp = (value: T): void => (value as { close?: () => void }).close?.();
        const nobody = { ok: (value: T) => env.queue.after(withinMs, () => giveUp(value)), fail: () => undefined };
        if (server.status === 'up' && !server.isFull) far(server, nobody);
        env.queue.after(withinMs, unreachable);
      } else if (server.status === 'down') unreachable();
      else if (server.isFull) {
        answer.fail(new ActionError('rejected', `${spec.name}: too many connections`, { serverErrno: 1040 }));
      } else far(server, answer);
    });
  }
}
