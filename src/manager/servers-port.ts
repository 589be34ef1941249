/** Sessions on servers for `ha`: looks up addresses and accounts in the declaration, resolves secrets, opens. */
import { ActionError, HactlError } from '../base/index.js';
import type { Secret, ServerFacts } from '../base/index.js';
import type { ActionSession, ClusterSpec, Fence, ServerSpec, ServersPort } from '../ha/index.js';
import { look, openActionSession } from '../mysql/index.js';

export class MysqlServersPort implements ServersPort {
  readonly #secret: (ref: string) => Secret;
  readonly #log: (sentence: string) => void;

  constructor(secret: (ref: string) => Secret, log: (sentence: string) => void) {
    this.#secret = secret;
    this.#log = log;
  }

  open(spec: ClusterSpec, server: ServerSpec, fence: Fence, withinMs: number): Promise<ActionSession> {
    return openActionSession({
      server: server.name,
      address: { host: server.host, port: server.port },
      user: spec.mysql.user,
      password: this.#resolved(spec.mysql.password),
      fence,
      withinMs,
      passwordOf: (ref) => this.#resolved(ref),
      log: this.#log,
    });
  }

  look(spec: ClusterSpec, server: ServerSpec, withinMs: number): Promise<ServerFacts> {
    const password = this.#resolved(spec.mysql.password);
    return look({ host: server.host, port: server.port }, spec.mysql.user, password, withinMs);
  }

  /** A missing secret is this manager's own fault: nothing was sent. */
  #resolved(ref: string): Secret {
    try {
      return this.#secret(ref);
    } catch (thrown) {
      if (thrown instanceof HactlError) throw new ActionError('unreachable', thrown.message, { cause: thrown });
      throw thrown;
    }
  }
}
