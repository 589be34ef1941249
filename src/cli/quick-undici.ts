/**
 * undici's `Agent` and `request` without the rest of it. Loading the whole package (fetch, WebSocket, caches, mocks)
 * takes about 70 ms more, a third of what `hactl status` may take as a whole process. The two modules are undici's own
 * and the version is pinned; managers-link.test.ts runs every call over them, so an upgrade that moves them fails it.
 */
import { createRequire } from 'node:module';
import type { Agent as UndiciAgent, Dispatcher } from 'undici';

const load = createRequire(import.meta.url);

export const Agent = load('undici/lib/dispatcher/agent.js') as typeof UndiciAgent;
export type Agent = UndiciAgent;

/** `request` before undici binds it: it wants its dispatcher as `this`, and origin and path apart. */
const unboundRequest = load('undici/lib/api/api-request.js') as (
  this: Dispatcher,
  options: Dispatcher.RequestOptions,
) => Promise<Dispatcher.ResponseData>;

export function request(
  agent: Agent,
  url: URL,
  options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'> & { readonly headersTimeout: number },
): Promise<Dispatcher.ResponseData> {
  return unboundRequest.call(agent, { ...options, origin: url.origin, path: `${url.pathname}${url.search}` });
}
