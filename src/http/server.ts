/**
 * The HTTP server of one manager: health endpoints, status, operations, and changes. It knows the manager only through
 * ManagerBackend, keeps no state, and logs neither headers nor bodies (they may hold the token).
 */
import fastify from 'fastify';
import type { Secret, ServerAddress } from '../base/index.js';
import { HactlError, errorMessage } from '../base/index.js';
import { addChangeRoutes, addManagersRoutes, addReadRoutes } from './api-routes.js';
import type { ManagerBackend } from './backend.js';
import { errorAnswer } from './error-answer.js';
import { addHealthRoutes } from './health-routes.js';
import { createLeaderLink } from './leader-link.js';
import { limits } from './limits.js';

/** The part of a pino logger that is used here. */
export interface HttpLog {
  error(facts: Readonly<Record<string, unknown>>, sentence: string): void;
}

export interface HttpServerOptions {
  /** Port 0 takes a free one. */
  readonly listen: ServerAddress;
  readonly backend: ManagerBackend;
  /** null: changes are taken from loopback addresses only. */
  readonly token: Secret | null;
  readonly log: HttpLog;
  /** Deadline of a request that is forwarded to the leader. */
  readonly forwardTotalMs?: number;
}

export interface HttpServer {
  /** Listens. Throws HactlError `bad-config` when the address is taken or not of this host. */
  start(): Promise<void>;
  /** Ends every connection. Safe to call twice. */
  stop(): Promise<void>;
  /** Where it listens; null before start. */
  address(): ServerAddress | null;
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { backend, token, log, listen } = options;
  const link = createLeaderLink(options.forwardTotalMs);
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    forceCloseConnections: true,
    trustProxy: false,
    routerOptions: { ignoreTrailingSlash: true },
  });
  app.server.maxConnections = limits.connectionsMax;
  // JSON only: a web page can send text/plain anywhere without asking first.
  app.removeContentTypeParser('text/plain');

  app.setErrorHandler((thrown, request, reply) => {
    const { status, body, fault } = errorAnswer(thrown);
    if (fault !== null) log.error({ method: request.method, route: request.routeOptions.url, fault }, 'request failed');
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler((request, reply) => {
    const what = `there is nothing at ${request.method} ${request.url.split('?')[0]}`;
    return reply.code(404).send({ error: { code: 'not-found', what } });
  });
  addHealthRoutes(app, backend);
  addReadRoutes(app, backend);
  addChangeRoutes(app, { backend, token, link });
  addManagersRoutes(app, { backend, token, link });

  return {
    start: async () => {
      try {
        await app.listen({ host: listen.host, port: listen.port });
      } catch (thrown) {
        throw new HactlError(
          {
            code: 'bad-config',
            what: `cannot listen for HTTP on ${listen.host} port ${listen.port}`,
            why: errorMessage(thrown),
            next: 'check `http` in manager.yaml, and whether another manager runs here already',
          },
          { cause: thrown },
        );
      }
    },
    stop: async () => {
      await Promise.all([app.close(), link.close()]);
    },
    address: () => {
      const bound = app.server.address();
      return bound === null || typeof bound === 'string' ? null : { host: bound.address, port: bound.port };
    },
  };
}
