/** A failover is begun for a primary that is dead, hung or cut off, or was so a moment ago: never for a healthy one. */
import type { ClusterName } from '../../../src/base/index.js';
import type { EventQueue } from '../../world/event-queue.js';
import type { CommittedLog } from '../../world/invariants.js';
import type { Network } from '../../world/network.js';
import type { SimServer } from '../../world/sim-server.js';

export interface DeathChecksOptions {
  readonly cluster: ClusterName;
  readonly queue: EventQueue;
  readonly network: Network;
  readonly log: CommittedLog;
  readonly servers: readonly SimServer[];
  readonly note: (sentence: string) => void;
}

/** Misses, a round and the commit may follow the end of a fault by so much; a leader may have slept in between. */
const graceMs = 15_000;

export class DeathChecks {
  readonly #troubledAtMs = new Map<string, number>();

  constructor({ cluster, queue, network, log, servers, note }: DeathChecksOptions) {
    queue.observe(() => {
      for (const server of servers) {
        const isTroubled = server.status === 'down' || server.isHung || server.isFull || network.isTroubled;
        if (isTroubled) this.#troubledAtMs.set(server.name, queue.nowMs);
      }
    });
    log.onCommit(({ command, result, state }) => {
      if (!result.ok || command.kind !== 'operation-started' || command.operationKind !== 'failover') return;
      // A rollback that could not restore it is taken up again when it is back.
      if (state.clusters[cluster]?.unrestored !== null) return;
      const healthyMs = queue.nowMs - (this.#troubledAtMs.get(command.oldPrimary) ?? 0);
      if (healthyMs < graceMs) return;
      note(`false death: ${command.oldPrimary} has been healthy for ${(healthyMs / 1000).toFixed(1)} s: ${command.summary}`);
    });
  }
}
