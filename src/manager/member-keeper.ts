/**
 * What the leader keeps up to date in the membership by itself: where each manager is reached, which data directory
 * speaks for it and what its build understands, as each says when it connects; and the reducer version, raised once all
 * voters understand a newer one. Each is an entry of the log, so it is proposed only when something differs.
 */
import type { ManagerId } from '../base/index.js';
import { formatHostPort } from '../config/index.js';
import { memberOf } from '../raft/index.js';
import type { Member, Membership, RaftNode } from '../raft/index.js';
import type { About } from '../rpc/index.js';

export interface MemberKeeperOptions {
  readonly self: ManagerId;
  readonly raft: RaftNode;
  /** What each connected manager says of itself, this one included. */
  readonly abouts: () => ReadonlyMap<ManagerId, About>;
  /** The reducer version to go to now that these are the versions which all voters understand; null: stay. */
  readonly raiseTo: (voterReducerMaxes: readonly number[]) => number | null;
  readonly raise: (to: number) => Promise<void>;
  readonly log: (event: string, facts: Record<string, unknown>) => void;
}

const withinMs = 5000;

export class MemberKeeper {
  readonly #options: MemberKeeperOptions;
  #isBusy = false;

  constructor(options: MemberKeeperOptions) {
    this.#options = options;
  }

  /** To be called now and then, and when something may have changed. Does one thing at a time. */
  async keep(): Promise<void> {
    const { raft, self, log } = this.#options;
    const { role, membership, leader } = raft.status();
    if (this.#isBusy || role !== 'leader' || leader !== self) return;
    this.#isBusy = true;
    try {
      const member = this.#outdated(membership);
      if (member !== null) {
        const outcome = await raft.changeMembership({ kind: 'describe', member }, withinMs);
        if (outcome.kind === 'applied') log('manager-described', { ...member });
        return;
      }
      const to = this.#options.raiseTo(membership.voters.map((voter) => voter.reducerMax));
      if (to !== null) await this.#options.raise(to);
    } finally {
      this.#isBusy = false;
    }
  }

  #outdated(membership: Membership): Member | null {
    for (const [id, about] of this.#options.abouts()) {
      const known = memberOf(membership, id);
      if (known === null) continue;
      const { replaces } = known;
      const said: Member = {
        id,
        rpc: about.rpc === null ? known.rpc : formatHostPort(about.rpc),
        http: about.http === null ? known.http : formatHostPort(about.http),
        storeId: known.storeId ?? about.storeId,
        reducerMax: about.reducerMax ?? known.reducerMax,
        replaces,
      };
      const isSame =
        said.rpc === known.rpc && said.http === known.http && said.storeId === known.storeId &&
        said.reducerMax === known.reducerMax;
      if (!isSame) return said;
    }
    return null;
  }
}
