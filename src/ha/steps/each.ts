/** One action on several servers side by side; the failure of one is a fact about it and never stops the others. */
import { ActionError } from '../../base/index.js';
import type { ServerName } from '../../base/index.js';
import { ReignEnded } from '../session-pool.js';

export interface EachResult<T> {
  readonly succeeded: ReadonlyMap<ServerName, T>;
  readonly failed: ReadonlyMap<ServerName, ActionError>;
}

/** Runs `act` for all servers at once. Anything but an ActionError (a bug, the end of the reign) is thrown. */
export async function onEach<T>(
  servers: readonly ServerName[],
  act: (server: ServerName) => Promise<T>,
): Promise<EachResult<T>> {
  const succeeded = new Map<ServerName, T>();
  const failed = new Map<ServerName, ActionError>();
  let fatal: unknown = null;
  await Promise.all(
    servers.map(async (server) => {
      try {
        succeeded.set(server, await act(server));
      } catch (thrown) {
        if (thrown instanceof ActionError) failed.set(server, thrown);
        else if (fatal === null || thrown instanceof ReignEnded) fatal = thrown;
      }
    }),
  );
  if (fatal !== null) throw fatal as Error;
  return { succeeded, failed };
}

export function failuresAsText(failed: ReadonlyMap<ServerName, ActionError>): Record<string, string> {
  return Object.fromEntries([...failed].map(([server, error]) => [server, error.message]));
}

export function listed(servers: Iterable<string>): string {
  const names = [...servers];
  return names.length === 0 ? 'none' : names.join(', ');
}
