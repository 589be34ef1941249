/**
 * Clients at their worst: one per server, each writing whatever its server takes, whoever the primary is. What a server
 * said OK to is remembered: the ledger against which loss is measured.
 */
import type { Environment } from './environment.js';
import type { SimServer } from './sim-server.js';

export interface AcknowledgedWrite {
  readonly gtid: string;
  readonly server: string;
  readonly atMs: number;
}

const writeEveryMsDefault = 40;
export const clientHost = 'client';

export class Writers {
  readonly acknowledged: AcknowledgedWrite[] = [];
  readonly #env: Environment;
  readonly #servers: readonly SimServer[];
  readonly #everyMs: number;
  #isStopped = false;

  constructor(env: Environment, servers: readonly SimServer[], everyMs = writeEveryMsDefault) {
    this.#everyMs = everyMs;
    this.#env = env;
    this.#servers = servers;
  }

  start(): void {
    for (const server of this.#servers) this.#writeOften(server);
  }

  stop(): void {
    this.#isStopped = true;
  }

  #writeOften(server: SimServer): void {
    const { queue, network } = this.#env;
    queue.after(this.#everyMs, () => {
      if (this.#isStopped) return;
      if (!network.isCut(clientHost, server.name)) {
        server.commit(clientHost, (gtid) => this.acknowledged.push({ gtid, server: server.name, atMs: queue.nowMs }));
      }
      this.#writeOften(server);
    });
  }
}
