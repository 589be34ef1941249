/**
 * One prober per declared server, on every manager. Follows the applied configuration: probers start and stop as
 * servers come and go or their address or account changes. What a manager saw last of each server is kept here.
 */
import type { ClusterName, ManagerId, ProbeOutcome, Secret, ServerName } from '../base/index.js';
import type { ClusterSpec, HaState, Observation, ServerSpec } from '../ha/index.js';
import { createProber } from '../mysql/index.js';
import type { Prober } from '../mysql/index.js';

export interface WatchersOptions {
  readonly self: ManagerId;
  readonly secret: (ref: string) => Secret;
  readonly onObservation: (observation: Observation) => void;
}

interface Watched {
  readonly cluster: ClusterName;
  readonly server: ServerName;
  /** What the prober was made for: another text, another prober. */
  readonly made: string;
  readonly prober: Prober;
}

const keyOf = (cluster: string, server: string): string => `${cluster}/${server}`;

export class Watchers {
  readonly #options: WatchersOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #latest = new Map<string, Observation>();

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  /** Makes the probers fit the state. Cheap when nothing changed. */
  follow(state: HaState): void {
    const wanted = new Set<string>();
    for (const cluster of Object.values(state.clusters)) {
      for (const server of cluster.spec.servers) {
        const key = keyOf(cluster.name, server.name);
        wanted.add(key);
        const { mysql, detection } = cluster.spec;
        const made = JSON.stringify([server.host, server.port, mysql, detection]);
        const known = this.#watched.get(key);
        if (known?.made === made) continue;
        known?.prober.stop();
        // What was seen at another address is nothing that was seen of this server.
        if (known !== undefined) this.#latest.delete(key);
        this.#watched.set(key, {
          cluster: cluster.name,
          server: server.name,
          made,
          prober: this.#createProber(cluster.name, cluster.spec, server),
        });
      }
    }
    for (const [key, watched] of this.#watched) {
      if (wanted.has(key)) continue;
      watched.prober.stop();
      this.#watched.delete(key);
      this.#latest.delete(key);
    }
  }

  stop(): void {
    for (const { prober } of this.#watched.values()) prober.stop();
    this.#watched.clear();
  }

  latest(): ReadonlyMap<string, Observation> {
    return this.#latest;
  }

  /** Probes every server of the cluster anew for `nonce`; `onEach` hears each answer as it comes. */
  async probeAll(cluster: ClusterName, nonce: string, onEach: (observation: Observation) => void): Promise<void> {
    const watched = [...this.#watched.values()].filter((candidate) => candidate.cluster === cluster);
    await Promise.all(
      watched.map(async ({ server, prober }) => {
        const outcome = await prober.probeNow();
        const before = this.#latest.get(keyOf(cluster, server));
        onEach({
          manager: this.#options.self,
          cluster,
          server,
          outcome,
          misses: outcome.kind === 'ok' || outcome.kind === 'alive' ? 0 : (before?.misses ?? 0) + 1,
          missingForMs: outcome.kind === 'ok' || outcome.kind === 'alive' ? 0 : (before?.missingForMs ?? 0),
          nonce,
        });
      }),
    );
  }

  #createProber(cluster: ClusterName, spec: ClusterSpec, server: ServerSpec): Prober {
    return createProber({
      address: { host: server.host, port: server.port },
      user: spec.mysql.user,
      // A secret that this manager lacks is its own fault: the prober reports `unknown`, never a miss.
      password: () => this.#options.secret(spec.mysql.password),
      intervalMs: spec.detection.intervalMs,
      timeoutMs: spec.detection.probeTimeoutMs,
      attributes: { hactl_manager: this.#options.self, hactl_cluster: cluster },
      onOutcome: (outcome: ProbeOutcome, misses: number, missingForMs: number) => {
        const observation: Observation = {
          manager: this.#options.self,
          cluster,
          server: server.name,
          outcome,
          misses,
          missingForMs,
          nonce: null,
        };
        this.#latest.set(keyOf(cluster, server.name), observation);
        this.#options.onObservation(observation);
      },
    });
  }
}
