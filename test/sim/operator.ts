/** A person at work: declares the cluster, switches over, hands over the leadership, adds and removes managers. */
import { managerId, operationId } from '../../src/base/index.js';
import type { ManagerId } from '../../src/base/index.js';
import { encodeCommand } from '../../src/manager/command-codec.js';
import { unknownMember } from '../../src/raft/index.js';
import type { MembershipChange } from '../../src/raft/index.js';
import { specOf } from './declaration.js';
import { cluster } from './simulation.js';
import type { Simulation } from './simulation.js';

const withinMs = 4000;
/** Ids are used once: a run has this many in all. */
const managersMax = 9;

export class Operator {
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** Again until it stands in the log. */
  declare(): void {
    const sim = this.#sim;
    sim.env.queue.after(500, () => {
      if (sim.cluster !== null) return;
      this.declare();
      const { leader } = sim;
      const primary = sim.servers[0]!.name;
      const command = encodeCommand({
        kind: 'config-applied', clusters: { [cluster]: specOf(sim.servers) }, primaries: { [cluster]: primary },
        basedOnVersion: 0,
      });
      leader?.process.deliver(() => void leader.raft.propose(command, { id: 'r-declare', serial: 1 }, withinMs));
    });
  }

  switchover(): void {
    const { leader, env } = this.#sim;
    const id = operationId(`sw-${env.random.hex(10)}`);
    leader?.process.deliver(() => {
      // A reign that ends here is told to the person; the state says what became of the operation.
      void leader.reign?.supervisor(cluster)?.startSwitchover(id, null).catch(() => undefined);
    });
  }

  transfer(dice: number): void {
    const { leader } = this.#sim;
    const voters = leader?.raft.status().voters ?? [];
    const target = dice < 0.5 ? null : (voters[Math.floor((dice - 0.5) * 2 * voters.length)] ?? null);
    leader?.process.deliver(() => void leader.raft.transferLeadership(target, withinMs));
  }

  /** A new manager; with `replaces`, in the place of one whose disk is gone. False: not now. */
  add(replaces: ManagerId | null, then: 'vote' | 'stay' = 'vote'): boolean {
    const sim = this.#sim;
    if (sim.seats.size >= managersMax || sim.leader === null) return false;
    const id = managerId(`m${sim.seats.size + 1}`);
    sim.addSeat(id);
    this.#change({ kind: 'add', learner: { ...unknownMember(id), then, replaces } }, 8);
    return true;
  }

  remove(dice: number): boolean {
    const voters = this.#sim.leader?.raft.status().voters ?? [];
    const id = voters[Math.floor(dice * voters.length)];
    if (id === undefined || voters.length <= 3) return false;
    this.#change({ kind: 'remove', id }, 4);
    return true;
  }

  /** A person tries again when it was refused or its answer was lost; `add` of one who is there is then refused. */
  #change(change: MembershipChange, triesLeft: number): void {
    const sim = this.#sim;
    const { leader } = sim;
    const again = (): void => {
      if (triesLeft > 0) sim.env.queue.after(2500, () => this.#change(change, triesLeft - 1));
    };
    if (leader === null) {
      again();
      return;
    }
    leader.process.deliver(() => {
      void leader.raft.changeMembership(change, withinMs).then(({ kind }) => {
        sim.env.trace.say('person', `${change.kind}: ${kind}`);
        if (kind !== 'applied') again();
      });
    });
  }
}
