/**
 * Who uses hactl: a client of the log, which retries its command at whoever leads until it is answered; a reader; and
 * an application that writes where the health endpoints send it.
 */
import type { Environment } from '../world/environment.js';
import { clientHost } from '../world/writers.js';
import type { SimServer } from '../world/sim-server.js';
import type { LedgerChecks } from './checks/ledger-checks.js';
import { ledgerCommand } from './sim-machine.js';
import type { SimNode } from './sim-node.js';

export interface AcknowledgedWrite {
  readonly gtid: string;
  readonly server: string;
  /** In semi-sync: some replica has received it. */
  readonly isWaitedFor: boolean;
}

export interface ClientsOptions {
  readonly env: Environment;
  readonly nodes: () => readonly SimNode[];
  readonly servers: readonly SimServer[];
  readonly ledger: LedgerChecks;
  readonly onAcked: (proposal: { readonly index: number; readonly term: number }) => void;
}

const proposeEveryMs = 350;
const readEveryMs = 900;
const burstEveryMs = 6000;
const writeEveryMs = 150;
const withinMs = 1500;

export class Clients {
  readonly #options: ClientsOptions;
  readonly acknowledgedWrites: AcknowledgedWrite[] = [];
  #number = 1;
  #burstNumber = 1_000_000;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#propose();
    this.#burst();
    this.#read();
    this.#write();
  }

  #leader(): SimNode | null {
    const leaders = this.#options.nodes().filter((node) => node.isLeader);
    return leaders[this.#options.env.random.int(0, Math.max(1, leaders.length))] ?? null;
  }

  #propose(): void {
    const { env, ledger, onAcked } = this.#options;
    env.queue.after(proposeEveryMs, () => {
      this.#propose();
      const number = this.#number;
      const node = this.#leader();
      if (node === null) return;
      node.process.deliver(() => {
        // The same session and serial until it is answered: it must run once, however often it is sent.
        const outcome = node.raft.propose(ledgerCommand(number), { id: 'client', serial: number }, withinMs);
        void outcome.then((answer) => {
          if (answer.kind !== 'applied') return;
          onAcked(answer);
          if (answer.result === number) ledger.acknowledge(number);
          if (this.#number === number) this.#number += 1;
        });
      });
    });
  }

  /** Many at once, and large ones: what windows and limits are for. Whoever gets no answer does not ask again. */
  #burst(): void {
    const { env, ledger, onAcked } = this.#options;
    env.queue.after(burstEveryMs * (0.5 + env.random.next()), () => {
      this.#burst();
      const node = this.#leader();
      if (node === null) return;
      const count = env.random.int(5, 30);
      node.process.deliver(() => {
        for (let at = 0; at < count; at += 1) {
          const number = (this.#burstNumber += 1);
          const command = ledgerCommand(number, env.random.int(0, 900));
          void node.raft.propose(command, { id: `burst-${number}`, serial: 1 }, withinMs).then((answer) => {
            if (answer.kind !== 'applied') return;
            onAcked(answer);
            if (answer.result === number) ledger.acknowledge(number);
          });
        }
      });
    });
  }

  #read(): void {
    const { env, ledger } = this.#options;
    env.queue.after(readEveryMs, () => {
      this.#read();
      const node = this.#leader();
      if (node === null) return;
      const before = ledger.snapshotOfAcknowledged();
      node.process.deliver(() => {
        void node.raft.proveLeadership(withinMs).then((proof) => {
          if (proof.kind === 'leader') ledger.read(node.machine.ledger, before);
        });
      });
    });
  }

  #write(): void {
    const { env, nodes, servers } = this.#options;
    env.queue.after(writeEveryMs, () => {
      this.#write();
      const all = nodes();
      const named = all[env.random.int(0, all.length)]?.named ?? null;
      const server = servers.find((one) => one.name === named);
      if (server === undefined || env.network.isCut(clientHost, server.name)) return;
      server.commit(clientHost, (gtid) => {
        this.acknowledgedWrites.push({ gtid, server: server.name, isWaitedFor: server.waitsForAcks });
      });
    });
  }
}
