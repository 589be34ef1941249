/** What a core is told about itself and its limits. All managers of a cluster must share one election timeout. */
import type { ManagerId } from '../../base/index.js';
import { assert } from '../../base/index.js';

export interface RaftCoreConfig {
  readonly id: ManagerId;
  /** All voters, this one among them. Fixed until membership changes exist. */
  readonly voters: readonly ManagerId[];
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
}

/** For a tick of 50 ms: T = 1000 ms, a heartbeat every 100 ms. */
export const raftCoreDefaults: Omit<RaftCoreConfig, 'id' | 'voters'> = {
  electionTimeoutTicks: 20,
  heartbeatTicks: 2,
  appendBytesMax: 256 * 1024,
  inflightMessagesMax: 8,
  inflightBytesMax: 1024 * 1024,
  uncommittedBytesMax: 4 * 1024 * 1024,
  entryBytesMax: 512 * 1024,
};

/** Reads that wait for the no-op, a round or the state machine; more fail at once. A guess, far above real use. */
export const readsWaitingMax = 1024;

export function checkConfig(config: RaftCoreConfig): void {
  assert(config.voters.includes(config.id), 'a manager must be one of its voters');
  assert(new Set(config.voters).size === config.voters.length, 'voters must be distinct');
  assert(config.heartbeatTicks >= 1, 'heartbeatTicks must be at least 1');
  assert(config.electionTimeoutTicks > config.heartbeatTicks, 'the election timeout must exceed the heartbeat');
  assert(config.inflightMessagesMax >= 1 && config.appendBytesMax >= 1, 'windows must let something through');
}
