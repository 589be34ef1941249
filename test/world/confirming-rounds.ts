/** QuorumPort.confirm of one manager: asks all managers to probe anew for a nonce, and collects what comes back. */
import type { ClusterName } from '../../src/base/index.js';
import type { Observation } from '../../src/ha/index.js';
import type { Environment } from './environment.js';
import type { ManagerProcess } from './manager-process.js';
import type { PortCalls } from './port-calls.js';
import type { Prober } from './prober.js';

interface Peer {
  readonly process: ManagerProcess;
  readonly prober: Prober;
}

export class ConfirmingRounds {
  readonly #env: Environment;
  readonly #process: ManagerProcess;
  readonly #prober: Prober;
  readonly #calls: PortCalls;
  readonly #peers: () => readonly Peer[];

  constructor(
    env: Environment,
    process: ManagerProcess,
    prober: Prober,
    calls: PortCalls,
    peers: () => readonly Peer[],
  ) {
    this.#env = env;
    this.#process = process;
    this.#prober = prober;
    this.#calls = calls;
    this.#peers = peers;
  }

  confirm(
    _: ClusterName,
    nonce: string,
    withinMs: number,
    isEnough: (soFar: readonly Observation[]) => boolean,
  ): Promise<readonly Observation[]> {
    return this.#calls.call<readonly Observation[]>({ label: 'confirm' }, (answer) => {
      const collected: Observation[] = [];
      const pending = new Set(this.#peers());
      const settle = (): void => answer.ok([...collected]);
      this.#env.queue.after(withinMs, settle);
      for (const peer of pending) {
        this.#ask(peer, nonce, (observation) => {
          collected.push(observation);
          if (isEnough(collected)) settle();
        }, () => {
          pending.delete(peer);
          if (pending.size === 0) settle();
        });
      }
    });
  }

  #ask(peer: Peer, nonce: string, onEach: (observation: Observation) => void, onEnd: () => void): void {
    const self = this.#process;
    if (peer.process === self) {
      this.#prober.probeAll(nonce, onEach, onEnd);
      return;
    }
    const { queue, network } = this.#env;
    const send = (to: ManagerProcess, run: () => void): void => queue.after(network.latencyMs(), () => {
      if (!network.isCut(self.id, peer.process.id)) to.deliver(run);
    });
    send(peer.process, () => peer.prober.probeAll(
      nonce,
      (observation) => send(self, () => onEach(observation)),
      () => send(self, onEnd),
    ));
  }
}
