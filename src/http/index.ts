export type * from './api-types.js';
export type { LeaderAnswer, ManagerBackend, PrimaryAnswer } from './backend.js';
export { createHttpServer } from './server.js';
export type { HttpLog, HttpServer, HttpServerOptions } from './server.js';
export { operationById, operationsOf, statusResponse } from './status-view.js';
export type { StatusInput } from './status-view.js';
export { listed, managersResponse, toleratedLosses } from './managers-view.js';
export type { ManagersInput, PeerView } from './managers-view.js';
