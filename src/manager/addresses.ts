/**
 * Where the other managers are: what they said of themselves when they connected stands in the membership; until then,
 * manager.yaml knows. Who is in neither cannot be reached, and is named.
 */
import type { ManagerId, ServerAddress } from '../base/index.js';
import { parseHostPort } from '../config/index.js';
import type { ManagerAddresses, ManagerConfig } from '../config/index.js';
import type { Membership } from '../raft/index.js';

export interface PeerAddress {
  readonly id: ManagerId;
  readonly address: ServerAddress;
}

export class Addresses {
  readonly #config: ManagerConfig;
  readonly #membership: () => Membership;

  constructor(config: ManagerConfig, membership: () => Membership) {
    this.#config = config;
    this.#membership = membership;
  }

  /** The members; before any are known (a manager that joins), those of manager.yaml. */
  get others(): readonly ManagerId[] {
    const { voters, learners } = this.#membership();
    const members = [...voters, ...learners].map((member) => member.id);
    const all = members.length === 0 ? [...this.#config.managers.keys()] : members;
    return all.filter((id) => id !== this.#config.id);
  }

  rpcPeers(): readonly PeerAddress[] {
    return this.others.flatMap((id) => {
      const address = this.#find(id, 'rpc');
      return address === null ? [] : [{ id, address }];
    });
  }

  http(id: ManagerId): ServerAddress | null {
    return this.#find(id, 'http');
  }

  /** Members that cannot be reached, for want of an address. */
  unknown(): readonly ManagerId[] {
    return this.others.filter((id) => this.#find(id, 'rpc') === null);
  }

  #find(id: ManagerId, kind: keyof ManagerAddresses): ServerAddress | null {
    const { voters, learners } = this.#membership();
    const said = [...voters, ...learners].find((member) => member.id === id)?.[kind] ?? null;
    return (said === null ? null : parseHostPort(said)) ?? this.#config.managers.get(id)?.[kind] ?? null;
  }
}
