/** What the checks know of one node. Rebuilt from its outputs, not from what it shows. */
import type { ManagerId } from '../../src/base/index.js';
import type { HardState, Membership, Message, RaftView, RestoredState, Snapshot } from '../../src/raft/core/index.js';
import type { Chains } from './raft-chains.js';
import { ChainedLog } from './raft-chains.js';

export interface NodeFacts {
  readonly id: ManagerId;
  /** As its writes have asked for it, durable or not. */
  readonly memory: ChainedLog;
  readonly disk: ChainedLog;
  /** On the disk. */
  hardState: HardState;
  /** As asked for. */
  wanted: HardState;
  snapshot: Snapshot | null;
  /** Given out to be applied, in this life. */
  appliedIndex: number;
  /** After the last step; null: it has not taken one since it started. */
  view: RaftView | null;
  /** What the step that runs answers. */
  asked: { readonly from: ManagerId; readonly message: Message } | null;
  /** The step that runs is a tick. */
  isTick: boolean;
  /** The highest acknowledgement that it was asked to send in `ackedTerm`. */
  ackedTerm: number;
  ackedIndex: number;
  /** Told another to campaign in place of it. */
  handedOverTerm: number;
  leaderSilentTicks: number;
  /** The leader's: since each was last heard in this term. */
  readonly peerSilentTicks: Map<ManagerId, number>;
  /** In its log, or in its snapshot; null while only its bootstrap says who the managers are. */
  membership(): Membership | null;
}

export function createFacts(chains: Chains, stored: RestoredState, id: ManagerId): NodeFacts {
  const { hardState, snapshot } = stored;
  const facts: NodeFacts = {
    id,
    memory: new ChainedLog(chains, stored),
    disk: new ChainedLog(chains, stored),
    hardState,
    wanted: hardState,
    snapshot,
    appliedIndex: snapshot?.index ?? 0,
    view: null,
    asked: null,
    isTick: false,
    ackedTerm: 0,
    ackedIndex: 0,
    handedOverTerm: 0,
    // It may have heard a leader right before it went down; in term 0 there was none.
    leaderSilentTicks: hardState.term > 0 ? 0 : Infinity,
    peerSilentTicks: new Map(),
    membership: () => newestMembership(facts),
  };
  return facts;
}

function newestMembership({ memory, snapshot }: NodeFacts): Membership | null {
  const after = snapshot?.index ?? 0;
  for (let at = memory.entries.length - 1; at >= 0; at -= 1) {
    const entry = memory.entries[at];
    if (entry === undefined || entry.index <= after) break;
    if (entry.payload.kind === 'membership') return entry.payload.membership;
  }
  return snapshot?.membership ?? null;
}
