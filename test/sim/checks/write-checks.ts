/**
 * What clients of the database were told, against what is kept: whatever a frozen replica has received is in what the
 * survey found, and a write that semi-sync acknowledged is on the last primary, as long as nothing happened that takes
 * away the only copy.
 */
import { gtidSet } from '../../../src/base/index.js';
import type { CommittedLog } from '../../world/invariants.js';
import type { LoggedEntry } from '../../world/replicated-log.js';
import type { SimServer } from '../../world/sim-server.js';
import type { Clients } from '../clients.js';
import type { FaultKind } from '../fault-shapes.js';
import type { Simulation } from '../simulation.js';
import { cluster } from '../simulation.js';

export interface WriteChecksOptions {
  readonly log: CommittedLog;
  readonly servers: readonly SimServer[];
  readonly clients: Clients;
  readonly note: (sentence: string) => void;
}

/**
 * With these a write may be acknowledged by a replica that does not take part later, or by nobody: only lossless mode
 * promises more, and it does not exist yet.
 */
const excuses: readonly FaultKind[] = [
  'partition', 'primary-blink', 'semi-sync-reset', 'primary-hang', 'primary-full', 'primary-cut', 'half-open',
  'late-statements', 'replica-crash', 'replica-behind', 'relay-log-lost',
];

export class WriteChecks {
  readonly #options: WriteChecksOptions;

  constructor(options: WriteChecksOptions) {
    this.#options = options;
    options.log.onCommit((entry) => this.#committed(entry));
  }

  atTheEnd({ plan, happened, frontier }: Simulation): void {
    const isExcused = !plan.isSemiSync || excuses.some((kind) => happened[kind] !== undefined);
    const primary = this.#options.servers.find(({ name }) => name === frontier.state.clusters[cluster]?.primary);
    if (isExcused || primary === undefined) return;
    const missing = this.#options.clients.acknowledgedWrites
      .filter(({ gtid, isWaitedFor }) => isWaitedFor && !gtidSet(gtid).isSubsetOf(primary.executed));
    const [first] = missing;
    if (first === undefined) return;
    const { note } = this.#options;
    note(`durable writes: ${missing.length} that were acknowledged are not on ${primary.name}, first ${first.gtid}`);
  }

  /** What the survey says can be saved is all that those who were surveyed have. */
  #committed({ command, result }: LoggedEntry): void {
    if (!result.ok || command.kind !== 'step-finished' || command.step !== 'survey') return;
    const { servers, target } = command.result as { servers: Record<string, { errant: string }>; target: string };
    const saved = gtidSet(target);
    for (const [name, { errant }] of Object.entries(servers)) {
      const server = this.#options.servers.find((one) => one.name === name);
      // A server that lives on and takes writes has more by now.
      if (server?.status !== 'up' || server.takesWrites || server.replica?.wantsReceiver === true) continue;
      const has = server.executed.union(server.replica?.received ?? gtidSet(''));
      const forgotten = has.subtract(saved).subtract(gtidSet(errant));
      if (!forgotten.isEmpty()) this.#options.note(`survey: ${name} has ${forgotten.toString()}, which is not counted`);
    }
  }
}
