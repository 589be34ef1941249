/**
 * After a failover: a write that was acknowledged and lies on a server which has been in everybody's sight for a while
 * is on the new primary, in every mode. And whoever is said to follow it does.
 */
import { gtidSet } from '../../../src/base/index.js';
import type { ClusterName, ManagerId } from '../../../src/base/index.js';
import type { EventQueue } from '../../world/event-queue.js';
import type { CommittedLog } from '../../world/invariants.js';
import type { Network } from '../../world/network.js';
import type { LoggedEntry } from '../../world/replicated-log.js';
import type { SimServer } from '../../world/sim-server.js';
import type { Clients } from '../clients.js';

export interface SavedChecksOptions {
  readonly cluster: ClusterName;
  readonly queue: EventQueue;
  readonly network: Network;
  readonly log: CommittedLog;
  readonly servers: readonly SimServer[];
  readonly managers: () => readonly ManagerId[];
  readonly clients: Clients;
  readonly note: (sentence: string) => void;
}

const lookEveryMs = 100;
/** A failover that began before has had all of it to see this server. */
const steadyMs = 10_000;

export class SavedChecks {
  readonly #options: SavedChecksOptions;
  readonly #steadySinceMs = new Map<string, number>();
  #awaitingRejoin: readonly string[] = [];

  constructor(options: SavedChecksOptions) {
    this.#options = options;
    options.log.onCommit((entry) => this.#committed(entry));
    this.#lookOften();
  }

  #lookOften(): void {
    const { queue, network, servers, managers } = this.#options;
    queue.after(lookEveryMs, () => {
      for (const server of servers) {
        const { name } = server;
        const isOut = server.status === 'down' || server.isHung || server.isFull
          || managers().some((id) => network.isCut(id, name) || network.isClogged(id, name));
        if (isOut) this.#steadySinceMs.delete(name);
        else if (!this.#steadySinceMs.has(name)) this.#steadySinceMs.set(name, queue.nowMs);
      }
      this.#lookOften();
    });
  }

  #isSteady(server: SimServer): boolean {
    const sinceMs = this.#steadySinceMs.get(server.name);
    return sinceMs !== undefined && this.#options.queue.nowMs - sinceMs > steadyMs;
  }

  #committed({ command, result, state }: LoggedEntry): void {
    const { cluster, servers } = this.#options;
    const before = this.#awaitingRejoin;
    this.#awaitingRejoin = state.clusters[cluster]?.awaitingRejoin ?? [];
    if (!result.ok) return;
    const operation = state.clusters[cluster]?.operation ?? null;
    const primary = servers.find(({ name }) => name === operation?.newPrimary);
    if (operation === null || primary === undefined) return;
    if (command.kind === 'primary-changed' && operation.kind === 'failover') {
      this.#saved(primary, servers.filter(({ name }) => name !== operation.oldPrimary && !before.includes(name)));
    }
    if (command.kind === 'step-finished' && command.step === 're-point') {
      const { following } = command.result as { following: readonly string[] };
      this.#follow(primary, servers.filter(({ name }) => following.includes(name)));
    }
  }

  #saved(primary: SimServer, members: readonly SimServer[]): void {
    for (const server of members) {
      if (server === primary || !this.#isSteady(server)) continue;
      const has = server.executed.union(server.replica?.received ?? gtidSet(''));
      const left = has.subtract(primary.executed);
      if (left.isEmpty()) continue;
      const lost = this.#options.clients.acknowledgedWrites.find(({ gtid }) => gtidSet(gtid).isSubsetOf(left));
      if (lost === undefined) continue;
      this.#options.note(`saved writes: ${lost.gtid} was acknowledged, ${server.name} has it and ${primary.name} not`);
    }
  }

  #follow(primary: SimServer, followers: readonly SimServer[]): void {
    for (const server of followers) {
      if (!this.#isSteady(server)) continue;
      const isFollowing = server.replica?.source.host === primary.host && server.replica.wantsReceiver;
      if (isFollowing) continue;
      this.#options.note(`re-pointed: ${server.name} is said to follow ${primary.name}, and does not`);
    }
  }
}
