/** What a core is told about itself and its limits. All managers of a cluster must share one election timeout. */
import type { ManagerId } from '../../base/index.js';
import { assert } from '../../base/index.js';
import type { Membership } from './membership.js';

export interface RaftCoreConfig {
  readonly id: ManagerId;
  /** In force until the log or a snapshot says otherwise. Empty for a manager that joins: the leader will tell it. */
  readonly bootstrap: Membership;
  /** T. Each attempt waits a random [T, 2T) ticks; leader stickiness and CheckQuorum count T. */
  readonly electionTimeoutTicks: number;
  readonly heartbeatTicks: number;
  /** Entries of one append; a single larger entry travels alone. */
  readonly appendBytesMax: number;
  /** Appends with entries that may be under way to one peer. Deep windows raise latency (hashicorp/raft#541). */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Commands in the leader's log and not committed; more are refused rather than queued. */
  readonly uncommittedBytesMax: number;
  readonly entryBytesMax: number;
  /** A snapshot is taken when so many entries, or so many bytes of them, were applied since the last one. */
  readonly snapshotEntries: number;
  readonly snapshotLogBytes: number;
  /** Entries kept before a snapshot, so that a short outage needs no snapshot. Not kept beyond the bytes above. */
  readonly trailingEntries: number;
  readonly snapshotChunkBytes: number;
  /** A larger state cannot be snapshotted: the log grows on, and says so. */
  readonly snapshotBytesMax: number;
}

/** For a tick of 50 ms: T = 1000 ms, a heartbeat every 100 ms. */
export const raftCoreDefaults: Omit<RaftCoreConfig, 'id' | 'bootstrap'> = {
  electionTimeoutTicks: 20,
  heartbeatTicks: 2,
  appendBytesMax: 256 * 1024,
  inflightMessagesMax: 8,
  inflightBytesMax: 1024 * 1024,
  uncommittedBytesMax: 4 * 1024 * 1024,
  entryBytesMax: 512 * 1024,
  snapshotEntries: 4096,
  snapshotLogBytes: 8 * 1024 * 1024,
  trailingEntries: 1024,
  snapshotChunkBytes: 128 * 1024,
  snapshotBytesMax: 64 * 1024 * 1024,
};

/** Reads that wait for the no-op, a round or the state machine; more fail at once. A guess, far above real use. */
export const readsWaitingMax = 1024;

export function checkConfig(config: RaftCoreConfig): void {
  const ids = config.bootstrap.voters.map((voter) => voter.id);
  assert(ids.length === 0 || ids.includes(config.id), 'a manager must be one of its first voters');
  assert(new Set(ids).size === ids.length, 'voters must be distinct');
  assert(config.snapshotEntries >= 1 && config.trailingEntries >= 0, 'snapshots need room');
  assert(config.snapshotChunkBytes >= 1, 'a chunk holds at least a byte');
  assert(config.heartbeatTicks >= 1, 'heartbeatTicks must be at least 1');
  assert(config.electionTimeoutTicks > config.heartbeatTicks, 'the election timeout must exceed the heartbeat');
  assert(config.inflightMessagesMax >= 1 && config.appendBytesMax >= 1, 'windows must let something through');
}
