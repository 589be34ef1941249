/** The probers of one simulated manager, as its `ha` side asks for them: one cluster, declared once. */
import type { ClusterName } from '../../src/base/index.js';
import type { HaState, Observation } from '../../src/ha/index.js';
import type { ServerWatch } from '../../src/manager/ha-side.js';
import type { Prober } from '../world/prober.js';

export class SimServerWatch implements ServerWatch {
  readonly #prober: Prober;
  readonly #cluster: ClusterName;
  #isStarted = false;

  constructor(prober: Prober, cluster: ClusterName) {
    this.#prober = prober;
    this.#cluster = cluster;
  }

  follow(state: HaState): void {
    if (this.#isStarted || state.clusters[this.#cluster] === undefined) return;
    this.#isStarted = true;
    this.#prober.start();
  }

  latest(): ReadonlyMap<string, Observation> {
    return this.#prober.latest();
  }

  async probeAll(_: ClusterName, nonce: string, onEach: (observation: Observation) => void): Promise<void> {
    if (!this.#isStarted) return;
    await new Promise<void>((resolve) => this.#prober.probeAll(nonce, onEach, resolve));
  }

  stop(): void {
    // Its timers end with the process.
  }
}
