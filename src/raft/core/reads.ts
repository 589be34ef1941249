/** ReadIndex on the leader: begins rounds, confirms them by majority, gives out what is ready. */
import type { CoreState } from './core-state.js';
import { isMajority } from './quorum.js';
import { broadcastHeartbeat } from './replication.js';

export function readRequested(state: CoreState, readId: number): void {
  if (state.role === 'leader' && state.reads.park(readId)) return;
  state.emit({ kind: 'read-failed', readId });
}

/** At the end of every step, since commit, answers and applied entries can each move a read forward. */
export function advanceReads(state: CoreState): void {
  if (state.role !== 'leader') return;
  confirmRound(state);
  // Until an entry of its own term is committed, a new leader does not know how far the log is committed (thesis 6.4).
  if (state.reads.running === null && state.reads.hasParked && state.knowsCommit) {
    state.reads.begin(state.commitIndex);
    broadcastHeartbeat(state);
    confirmRound(state);
  }
  for (const { readIds, index } of state.reads.takeReady(state.appliedIndex)) {
    for (const readId of readIds) state.emit({ kind: 'read-ready', readId, index });
  }
}

function confirmRound(state: CoreState): void {
  const running = state.reads.running;
  if (running === null) return;
  const isConfirmed = isMajority(
    state.voters,
    (voter) => voter === state.config.id || (state.peers.get(voter)?.ackedRound ?? 0) >= running.round,
  );
  if (isConfirmed) state.reads.confirm();
}
