/**
 * What one manager sees of the simulated servers: a probe of each at every interval, sooner while it is missing, and
 * at once when a server's process ends.
 */
import { isMiss } from '../../src/base/index.js';
import type { ClusterName, ProbeOutcome, ServerName } from '../../src/base/index.js';
import type { Observation } from '../../src/ha/index.js';
import type { Environment } from './environment.js';
import type { ManagerProcess } from './manager-process.js';
import type { SimServer } from './sim-server.js';

export const probing = { intervalMs: 500, timeoutMs: 500 } as const;
const missRetryMs = 250;

export interface ProberOptions {
  readonly env: Environment;
  readonly process: ManagerProcess;
  readonly cluster: ClusterName;
  readonly servers: readonly SimServer[];
  readonly probing?: { readonly intervalMs: number; readonly timeoutMs: number };
  readonly onObservation: (observation: Observation) => void;
}

interface Misses {
  readonly count: number;
  readonly sinceMs: number;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #misses = new Map<ServerName, Misses>();
  readonly #latest = new Map<string, Observation>();
  readonly #intervalMs: number;
  readonly #timeoutMs: number;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { intervalMs, timeoutMs } = options.probing ?? probing;
    [this.#intervalMs, this.#timeoutMs] = [intervalMs, timeoutMs];
  }

  start(): void {
    const { process, servers, env } = this.#options;
    for (const server of servers) {
      process.after(env.random.next() * missRetryMs, () => this.#probeOften(server));
    }
  }

  /** By `cluster/server`. */
  latest(): ReadonlyMap<string, Observation> {
    return this.#latest;
  }

  /** The connection to a server ended: news at once. */
  noticeEnd(server: SimServer): void {
    const { env, process } = this.#options;
    if (env.network.isCut(process.id, server.name)) return;
    process.after(env.network.latencyMs(), () => this.#probeNow(server, () => undefined));
  }

  /** Every server anew, for a confirming round. */
  probeAll(nonce: string, onEach: (observation: Observation) => void, onEnd: () => void): void {
    let open = this.#options.servers.length;
    for (const server of this.#options.servers) {
      this.#probe(server, (outcome) => {
        const misses = this.#misses.get(server.name);
        onEach({
          ...this.#observation(server, outcome),
          misses: isMiss(outcome.kind) ? (misses?.count ?? 0) + 1 : 0,
          nonce,
        });
        open -= 1;
        if (open === 0) onEnd();
      });
    }
  }

  #probeOften(server: SimServer): void {
    this.#probeNow(server, (outcome) => {
      const pauseMs = isMiss(outcome.kind) ? missRetryMs : this.#intervalMs;
      this.#options.process.after(pauseMs, () => this.#probeOften(server));
    });
  }

  #probeNow(server: SimServer, onEnd: (outcome: ProbeOutcome) => void): void {
    const { env, onObservation } = this.#options;
    const startedAtMs = env.queue.nowMs;
    this.#probe(server, (outcome) => {
      const before = this.#misses.get(server.name);
      if (isMiss(outcome.kind)) {
        this.#misses.set(server.name, { count: (before?.count ?? 0) + 1, sinceMs: before?.sinceMs ?? startedAtMs });
      } else {
        this.#misses.delete(server.name);
      }
      const observation = this.#observation(server, outcome);
      this.#latest.set(`${observation.cluster}/${server.name}`, observation);
      onObservation(observation);
      onEnd(outcome);
    });
  }

  #observation(server: SimServer, outcome: ProbeOutcome): Observation {
    const { process, cluster, env } = this.#options;
    const misses = isMiss(outcome.kind) ? (this.#misses.get(server.name) ?? null) : null;
    return {
      manager: process.id,
      cluster,
      server: server.name,
      outcome,
      misses: misses?.count ?? 0,
      missingForMs: misses === null ? 0 : env.queue.nowMs - misses.sinceMs,
      nonce: null,
    };
  }

  #probe(server: SimServer, onOutcome: (outcome: ProbeOutcome) => void): void {
    const { env, process } = this.#options;
    const back = (delayMs: number, outcome: ProbeOutcome): void => process.after(delayMs, () => onOutcome(outcome));
    env.queue.after(env.network.latencyMs(), () => {
      const oneWayMs = env.network.latencyMs();
      if (env.network.isCut(process.id, server.name)) {
        back(this.#timeoutMs, { kind: 'timeout', detail: 'no answer' });
      } else if (server.status === 'down') back(oneWayMs, { kind: 'refused', detail: 'connection refused' });
      else if (server.isHung) back(this.#timeoutMs, { kind: 'hung', detail: 'the statement does not end' });
      else if (server.isFull) back(oneWayMs, { kind: 'alive', reason: 'too-many-connections', detail: 'error 1040' });
      else back(oneWayMs, { kind: 'ok', facts: server.facts(), latencyMs: oneWayMs * 2 });
    });
  }
}
