/** Once everything is repaired: one leads, all members have applied the same, nothing is half-done, writes work. */
import type { Simulation } from './simulation.js';

/** A sentence, or null: it has converged. */
export function whyNotConverged(sim: Simulation): string | null {
  return quorumIsNot(sim) ?? clusterIsNot(sim);
}

/** A server, or null: every one but the primary replicates from it. */
export function whoDoesNotFollow({ servers, cluster }: Simulation): string | null {
  const primary = servers.find(({ name }) => name === cluster?.primary);
  const astray = servers.find((server) => server !== primary
    && (server.replica?.source.host !== primary?.host || server.replica?.receiver !== 'on'));
  return astray?.name ?? null;
}

function quorumIsNot({ leader, seats }: Simulation): string | null {
  if (leader === null) return 'nobody leads';
  const { membership, commitIndex } = leader.raft.status();
  for (const { id, then } of membership.learners) {
    // A person can take one back that never came to life.
    if (then === 'vote' && seats.get(id)?.isGone !== true) return `learner ${id} is not a voter yet`;
  }
  for (const { id } of [...membership.voters, ...membership.learners]) {
    const seat = seats.get(id);
    if (seat === undefined || seat.isGone) continue;
    const { appliedIndex, leader: follows } = seat.node.raft.status();
    if (follows !== leader.id) return `${id} does not follow ${leader.id}`;
    if (appliedIndex < commitIndex) return `${id} has applied ${appliedIndex} of ${commitIndex}`;
  }
  return null;
}

function clusterIsNot({ cluster, servers, seats, leader }: Simulation): string | null {
  if (cluster === null) return 'the cluster was never declared';
  const { operation, primary } = cluster;
  if (operation !== null) {
    const step = String(operation.journal.at(-1)?.step);
    return `${operation.id} is ${operation.phase} at ${step}: ${operation.reason}`;
  }
  const server = servers.find(({ name }) => name === primary);
  if (server?.takesWrites !== true) return `${primary} is the primary and takes no writes`;
  if (server.offline) return `${primary} is the primary and lets no client in`;
  for (const { id } of leader?.raft.status().membership.voters ?? []) {
    const seat = seats.get(id);
    if (seat === undefined || seat.isGone) continue;
    if (seat.node.named !== primary) return `the endpoint of ${id} does not name ${primary}`;
  }
  return null;
}
