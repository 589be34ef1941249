export type * from './api-types.js';
export type { LeaderAnswer, ManagerBackend, PrimaryAnswer } from './backend.js';
export { createHttpServer } from './server.js';
export type { HttpLog, HttpServer, HttpServerOptions } from './server.js';
export { operationById, operationsOf, statusResponse } from './status-view.js';
export type { PeerView, StatusInput } from './status-view.js';
