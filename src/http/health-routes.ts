/**
 * What load balancers and supervisors ask: 200 is yes, 503 is no. These routes never wait for anything and never go to
 * another manager: an answer that is late or second-hand would route writes to a primary of yesterday.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ErrorText } from '../base/index.js';
import type { ErrorResponse } from './api-types.js';
import type { ManagerBackend } from './backend.js';

/** Load balancers differ in what they send; HEAD comes with GET by itself. */
const methods = ['GET', 'OPTIONS'];

interface ClusterParams {
  readonly cluster: string;
}

interface ServerParams extends ClusterParams {
  readonly server: string;
}

function no(reply: FastifyReply, status: 404 | 503, error: ErrorText): FastifyReply {
  const body: ErrorResponse = { error };
  return reply.code(status).send(body);
}

function noCluster(reply: FastifyReply, cluster: string): FastifyReply {
  return no(reply, 404, { code: 'not-found', what: `there is no cluster ${cluster}` });
}

function hidden(reply: FastifyReply, cluster: string, reason: string): FastifyReply {
  return no(reply, 503, { code: 'refused', what: `this manager names no primary of ${cluster} now`, why: reason });
}

function answerPrimary(backend: ManagerBackend, cluster: string, reply: FastifyReply): FastifyReply {
  const answer = backend.primaryOf(cluster);
  switch (answer.kind) {
    case 'primary':
      return reply.send(answer.primary);
    case 'hidden':
      return hidden(reply, cluster, answer.reason);
    case 'no-such-cluster':
      return noCluster(reply, cluster);
  }
}

function answerIsPrimary(backend: ManagerBackend, params: ServerParams, reply: FastifyReply): FastifyReply {
  const { cluster, server } = params;
  const answer = backend.primaryOf(cluster);
  if (answer.kind === 'no-such-cluster') return noCluster(reply, cluster);
  if (answer.kind === 'primary' && answer.primary.primary === server) return reply.send(answer.primary);
  const known = backend.status().clusters.find((candidate) => candidate.name === cluster);
  if (known?.servers.some((candidate) => candidate.name === server) !== true) {
    return no(reply, 404, { code: 'not-found', what: `cluster ${cluster} has no server ${server}` });
  }
  if (answer.kind === 'hidden') return hidden(reply, cluster, answer.reason);
  const why = `the primary is ${answer.primary.primary}`;
  return no(reply, 503, { code: 'refused', what: `${server} is not the primary of ${cluster}`, why });
}

export function addHealthRoutes(app: FastifyInstance, backend: ManagerBackend): void {
  app.route({ method: methods, url: '/livez', handler: (_request, reply) => reply.send({ alive: true }) });
  app.route({
    method: methods,
    url: '/leader',
    handler: (_request, reply) => {
      const { isLeader, leader } = backend.leader();
      if (isLeader) return reply.send({ leader });
      const why = leader === null ? 'no leader is known' : `the leader is ${leader}`;
      const body = { leader, error: { code: 'not-leader', what: 'this manager is not the leader', why } };
      return reply.code(503).send(body);
    },
  });
  // `master` is understood here and nowhere said: existing load-balancer configurations go on working.
  for (const role of ['primary', 'master']) {
    app.route<{ Params: ClusterParams }>({
      method: methods,
      url: `/clusters/:cluster/${role}`,
      handler: (request, reply) => answerPrimary(backend, request.params.cluster, reply),
    });
    app.route<{ Params: ServerParams }>({
      method: methods,
      url: `/clusters/:cluster/servers/:server/${role}`,
      handler: (request, reply) => answerIsPrimary(backend, request.params, reply),
    });
  }
}
