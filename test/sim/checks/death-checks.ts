/**
 * A failover is begun for a primary that is dead, hung or cut off, or was so a moment ago; never for one that a
 * majority of the managers reaches, nor for one that a replica in everybody's sight still hears.
 */
import type { ClusterName, ManagerId } from '../../../src/base/index.js';
import type { EventQueue } from '../../world/event-queue.js';
import type { CommittedLog } from '../../world/invariants.js';
import type { SimServer } from '../../world/sim-server.js';
import type { SimNode } from '../sim-node.js';

export interface DeathChecksOptions {
  readonly cluster: ClusterName;
  readonly queue: EventQueue;
  readonly log: CommittedLog;
  readonly servers: readonly SimServer[];
  readonly nodes: readonly SimNode[];
  readonly voters: () => readonly ManagerId[];
  readonly note: (sentence: string) => void;
}

/** Misses, a round and a leader that slept before its proposal may follow the end of a fault by so much. */
const graceMs = 10_000;
const lookEveryMs = 100;

export class DeathChecks {
  readonly #options: DeathChecksOptions;
  /** Since when a sentence has been true of the primary; another primary begins anew. */
  readonly #since = new Map<string, number>();

  constructor(options: DeathChecksOptions) {
    this.#options = options;
    const { cluster, log, note } = options;
    this.#lookOften();
    log.onCommit(({ command, result, state }) => {
      if (!result.ok || command.kind !== 'operation-started' || command.operationKind !== 'failover') return;
      // A rollback that could not restore it is taken up again when it is back.
      if (state.clusters[cluster]?.unrestored !== null) return;
      // Between two looks it may have died, too.
      const holds = this.#look();
      for (const [sentence, sinceMs] of this.#since) {
        if (!holds.includes(sentence)) continue;
        const forMs = options.queue.nowMs - sinceMs;
        if (forMs > graceMs) note(`false death: ${sentence}, for ${(forMs / 1000).toFixed(1)} s: ${command.summary}`);
      }
    });
  }

  #lookOften(): void {
    const { queue } = this.#options;
    queue.after(lookEveryMs, () => {
      const holds = new Set(this.#look());
      for (const sentence of [...this.#since.keys()]) if (!holds.has(sentence)) this.#since.delete(sentence);
      for (const sentence of holds) if (!this.#since.has(sentence)) this.#since.set(sentence, queue.nowMs);
      this.#lookOften();
    });
  }

  #look(): readonly string[] {
    const { servers, nodes, cluster, log, voters } = this.#options;
    const name = log.state.clusters[cluster]?.primary;
    const primary = servers.find((server) => server.name === name);
    if (primary === undefined || primary.status === 'down' || primary.isHung || primary.isFull) return [];
    const running = nodes.filter((node) => node.isRunning && voters().includes(node.id));
    const reaching = running.filter(({ id }) => !primary.isCutFrom(id));
    const sentences = reaching.length * 2 > voters().length ? [`a majority reaches ${primary.name}`] : [];
    const hearing = servers.find((server) =>
      server.status === 'up' && !server.isHung && server.replica?.receiver === 'on'
        && server.replica.source.host === primary.host && !server.isCutFrom(primary.name)
        && running.every(({ id }) => !server.isCutFrom(id)));
    return hearing === undefined ? sentences : [...sentences, `${hearing.name} hears ${primary.name}`];
  }
}
