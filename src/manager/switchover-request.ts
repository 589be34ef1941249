/** A person asks for a switchover: checked at once, so that a refusal comes with its reasons and starts nothing. */
import { HactlError } from '../base/index.js';
import type { OperationId, ServerName } from '../base/index.js';
import { awayFrom, lookAtAll, membersOf, planSwitchover } from '../ha/index.js';
import type { ClusterState } from '../ha/index.js';
import type { SwitchoverRequest, SwitchoverResponse } from '../http/index.js';
import type { Reign } from './reign.js';

const lookWithinMs = 3000;

export async function requestSwitchover(
  reign: Reign,
  name: string,
  id: OperationId,
  request: SwitchoverRequest,
): Promise<SwitchoverResponse> {
  const cluster = reign.ports.log.state().clusters[name];
  const supervisor = reign.supervisor(name);
  if (cluster === undefined || supervisor === null) throw noSuchCluster(name);
  const known = [cluster.operation, ...cluster.history].find((operation) => operation?.id === id);
  // The same request again: the first one's answer was lost on its way.
  if (known) {
    return { operationId: id, oldPrimary: known.oldPrimary, newPrimary: known.newPrimary, refusals: [], plan: [] };
  }
  const requestedTarget = request.to === null ? null : declaredServer(cluster, request.to);
  const looks = await lookAtAll(reign.ports, cluster.spec, lookWithinMs);
  const verdict = await supervisor.judge();
  const plan = planSwitchover({
    spec: cluster.spec,
    primary: cluster.primary,
    away: awayFrom(cluster, reign.table),
    requestedTarget,
    runningOperation: cluster.operation === null ? null : `${cluster.operation.kind} ${cluster.operation.id}`,
    verdict,
    looks,
  });
  const { refusals } = plan;
  const answer = {
    oldPrimary: cluster.primary,
    newPrimary: plan.target,
    refusals,
    plan: plan.target === null ? [] : sayPlan(cluster, membersOf(cluster, reign.table), plan.target),
  };
  if (request.dryRun) return { operationId: null, ...answer };
  if (refusals.length > 0) throw refused(cluster, refusals);
  const started = await supervisor.startSwitchover(id, plan.target);
  if (started.refused !== null) throw refused(cluster, [started.refused]);
  return { operationId: id, ...answer };
}

function declaredServer(cluster: ClusterState, name: string): ServerName {
  const found = cluster.spec.servers.find((server) => server.name === name);
  if (found !== undefined) return found.name;
  throw new HactlError({
    code: 'not-found',
    what: `cluster ${cluster.name} has no server ${JSON.stringify(name)}`,
    next: `its servers are ${cluster.spec.servers.map((server) => server.name).join(', ')}`,
  });
}

function sayPlan(
  cluster: ClusterState,
  members: readonly ServerName[],
  target: ServerName,
): readonly string[] {
  const others = members.filter((server) => server !== target);
  return [
    `close ${cluster.primary} for writes and disconnect its clients (at most ${cluster.spec.switchover.maxPauseMs} ms)`,
    `${target} executes the last transaction of ${cluster.primary}`,
    `open ${target} for writes and publish it as the primary`,
    `${others.join(' and ')} replicate from ${target}`,
  ];
}

function noSuchCluster(name: string): HactlError {
  return new HactlError({
    code: 'not-found',
    what: `there is no cluster ${JSON.stringify(name)}`,
    next: '`hactl status` lists the clusters; `hactl apply clusters.yaml` declares them',
  });
}

function refused(cluster: ClusterState, refusals: readonly string[]): HactlError {
  return new HactlError({
    code: 'refused',
    what: `no switchover of ${cluster.name}: the cluster is not in a state for it`,
    details: refusals,
    next: 'mend what is listed and ask again; nothing was changed',
  });
}

