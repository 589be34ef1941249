/** What is declared, and the replication that stands when the world begins. */
import type { ClusterSpec } from '../../src/ha/index.js';
import type { SimServer } from '../world/sim-server.js';

/** Of every manager; as declared, and by default. */
export const probing = { intervalMs: 1000, timeoutMs: 500 } as const;

/** `preferred`: index of the candidate that is preferred; null: none. */
export function specOf(servers: readonly SimServer[], preferred: number | null): ClusterSpec {
  return {
    servers: servers.map(({ name, host, port }, at) => ({
      name, host, port, zone: null, candidate: at === preferred ? 'prefer' : 'allow',
    })),
    mysql: { user: 'hactl', password: 'env:HACTL_PASSWORD' },
    replication: { user: 'repl', password: 'env:REPL_PASSWORD' },
    durability: 'async',
    detection: { intervalMs: probing.intervalMs, confirmMs: 300, probeTimeoutMs: probing.timeoutMs },
    fencing: { policy: 'best-effort' },
    switchover: { maxPauseMs: 5000 },
  };
}

/** All replicate from the first. */
export function declaration({ servers }: { readonly servers: readonly SimServer[] }): void {
  const [primary, ...replicas] = servers as [SimServer, ...SimServer[]];
  for (const replica of replicas) {
    replica.pointAt({ host: primary.host, port: primary.port, user: 'repl' });
    replica.replica?.startApplier();
    replica.replica?.startReceiver();
  }
}
