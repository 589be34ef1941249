/**
 * The servers that take part: all that are declared, but not a former primary that a failover took away, as long as it
 * does not follow the recorded primary again. Such a one may hold transactions that nobody else has: it is not counted,
 * not re-pointed and not promoted before somebody has brought it back.
 */
import type { ServerName } from '../base/index.js';
import { follows } from './first-primary.js';
import type { ObservationTable } from './observation-table.js';
import type { ClusterState } from './state.js';

export function membersOf(cluster: ClusterState, table: ObservationTable): readonly ServerName[] {
  return cluster.spec.servers
    .map((server) => server.name)
    .filter((name) => !cluster.awaitingRejoin.includes(name) || isBack(cluster, table, name));
}

export function awayFrom(cluster: ClusterState, table: ObservationTable): readonly ServerName[] {
  const members = membersOf(cluster, table);
  return cluster.spec.servers.map((server) => server.name).filter((name) => !members.includes(name));
}

function isBack(cluster: ClusterState, table: ObservationTable, name: ServerName): boolean {
  const replica = table.lastFacts(cluster.name, name)?.replica ?? null;
  const primary = cluster.spec.servers.find((server) => server.name === cluster.primary);
  if (replica === null || primary === undefined || replica.receiver === 'off') return false;
  return follows(replica, {
    address: { host: primary.host, port: primary.port },
    serverUuid: table.lastFacts(cluster.name, cluster.primary)?.serverUuid ?? null,
  });
}
