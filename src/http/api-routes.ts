/**
 * What people and hactl ask: status, managers, operations, and the changes. Changes are checked here (who, and what
 * shape), and run on the leader: a follower forwards them once and passes the leader's answer on as it is.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Secret } from '../base/index.js';
import { HactlError } from '../base/index.js';
import { requireMayChange } from './access.js';
import type { OperationsResponse } from './api-types.js';
import type { ManagerBackend } from './backend.js';
import {
  parseAddManagerRequest,
  parseApplyRequest,
  parseRemoveManagerRequest,
  parseSwitchoverRequest,
  parseTransferRequest,
} from './bodies.js';
import type { LeaderLink } from './leader-link.js';
import { forwardedHeader } from './leader-link.js';
import { limits } from './limits.js';

export interface ApiParts {
  readonly backend: ManagerBackend;
  readonly token: Secret | null;
  readonly link: LeaderLink;
}

export function addReadRoutes(app: FastifyInstance, backend: ManagerBackend): void {
  app.get('/status', () => backend.status());
  app.get('/managers', () => backend.managers());
  app.get<{ Querystring: { readonly cluster?: unknown } }>('/operations', (request): OperationsResponse => {
    const { cluster } = request.query;
    const wanted = typeof cluster === 'string' && cluster !== '' ? cluster : null;
    return { operations: backend.operations(wanted).slice(0, limits.operationsMax) };
  });
  app.get<{ Params: { readonly id: string } }>('/operations/:id', (request) => {
    const operation = backend.operation(request.params.id);
    if (operation !== null) return operation;
    throw new HactlError({
      code: 'not-found',
      what: `there is no operation ${request.params.id}`,
      next: '`hactl history` lists those that are known',
    });
  });
}

function requireAccess(request: FastifyRequest, token: Secret | null): void {
  const { authorization, origin } = request.headers;
  requireMayChange({ address: request.socket.remoteAddress ?? '', authorization, origin }, token);
}

interface Change {
  /** Made here, never the caller's own text: an absolute URL in the request line would lead the token elsewhere. */
  readonly path: string;
  readonly body: unknown;
}

/** Sends the change to the leader. The body goes as it was understood here, so both sides check the same. */
async function forward(request: FastifyRequest, reply: FastifyReply, parts: ApiParts, change: Change): Promise<void> {
  const { leader, leaderUrl } = parts.backend.leader();
  if (request.headers[forwardedHeader] !== undefined) {
    throw new HactlError({
      code: 'not-leader',
      what: 'this manager is not the leader any more',
      why: leader === null ? 'an election is running' : `the leader is ${leader} now`,
      next: 'nothing was changed; try again',
    });
  }
  if (leader === null || leaderUrl === null) {
    throw new HactlError({
      code: 'no-quorum',
      what: 'the managers have no leader now, so nothing can be changed',
      why: parts.backend.status().reason,
      next: '`hactl status` shows which managers are reachable; try again when a majority is',
    });
  }
  const { authorization } = request.headers;
  const answer = await parts.link.post({ leader, url: leaderUrl, ...change, authorization });
  await reply.code(answer.status).type('application/json; charset=utf-8').send(answer.text);
}

export function addChangeRoutes(app: FastifyInstance, parts: ApiParts): void {
  const { backend, token } = parts;
  // Before the body is read: a stranger cannot make the manager take in a megabyte.
  const onRequest = async (request: FastifyRequest): Promise<void> => requireAccess(request, token);

  app.post('/apply', { onRequest }, async (request, reply) => {
    const body = parseApplyRequest(request.body);
    if (!backend.leader().isLeader) return forward(request, reply, parts, { path: '/apply', body });
    return reply.send(await backend.apply(body));
  });

  app.post<{ Params: { readonly cluster: string } }>(
    '/clusters/:cluster/switchover',
    { onRequest },
    async (request, reply) => {
      const body = parseSwitchoverRequest(request.body);
      const { cluster } = request.params;
      const path = `/clusters/${encodeURIComponent(cluster)}/switchover`;
      if (!backend.leader().isLeader) return forward(request, reply, parts, { path, body });
      return reply.send(await backend.switchover(cluster, body));
    },
  );
}

/**
 * A change of the managers returns once it is committed; who was added catches up afterwards. Leaders change while
 * managers do: whoever is told `not-leader` asks again.
 */
export function addManagersRoutes(app: FastifyInstance, parts: ApiParts): void {
  const { backend, token } = parts;
  const onRequest = async (request: FastifyRequest): Promise<void> => requireAccess(request, token);

  app.post('/managers', { onRequest }, async (request, reply) => {
    const body = parseAddManagerRequest(request.body);
    if (!backend.leader().isLeader) return forward(request, reply, parts, { path: '/managers', body });
    return reply.send(await backend.addManager(body));
  });

  app.post<{ Params: { readonly id: string } }>('/managers/:id/remove', { onRequest }, async (request, reply) => {
    const body = parseRemoveManagerRequest(request.body);
    const { id } = request.params;
    const path = `/managers/${encodeURIComponent(id)}/remove`;
    if (!backend.leader().isLeader) return forward(request, reply, parts, { path, body });
    return reply.send(await backend.removeManager(id, body));
  });

  app.post('/managers/transfer', { onRequest }, async (request, reply) => {
    const body = parseTransferRequest(request.body);
    if (!backend.leader().isLeader) return forward(request, reply, parts, { path: '/managers/transfer', body });
    return reply.send(await backend.transferLeadership(body));
  });
}
