/**
 * A person at work: declares the cluster, switches over, hands over the leadership, adds and removes managers; and does
 * by hand what hactl leaves to people so far: rebuilds a former primary, opens a primary that came up closed.
 */
import { HactlError, managerId, operationId } from '../../src/base/index.js';
import type { ManagerId } from '../../src/base/index.js';
import { encodeCommand } from '../../src/manager/command-codec.js';
import { requestSwitchover } from '../../src/manager/switchover-request.js';
import { unknownMember } from '../../src/raft/index.js';
import type { MembershipChange } from '../../src/raft/index.js';
import { specOf } from './declaration.js';
import { cluster } from './simulation.js';
import type { Simulation } from './simulation.js';

const withinMs = 4000;
/** Ids are used once: a run has this many in all. */
const managersMax = 9;
const tidyEveryMs = 4000;

export class Operator {
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  start(): void {
    this.#declare();
    this.#tidyOften();
  }

  switchover(isSecond = false): boolean {
    const { leader, env } = this.#sim;
    if (leader === null) return false;
    const requestId = env.random.hex(10);
    // Two people at once, now and then.
    if (!isSecond && env.random.next() < 0.4) this.switchover(true);
    const ask = (): void => {
      const { leader: asked } = this.#sim;
      asked?.process.deliver(() => {
        const { reign } = asked;
        if (reign === null) return;
        const request = { requestId, to: null, dryRun: false };
        requestSwitchover(reign, cluster, operationId(`sw-${requestId}`), request).then(
          ({ operationId: id }) => env.trace.say('person', `switchover ${String(id)} is begun`),
          (thrown: unknown) => env.trace.say('person', `no switchover: ${
            thrown instanceof HactlError ? [thrown.message, ...thrown.details].join('; ') : String(thrown)}`),
        );
      });
    };
    ask();
    // Whose answer was lost asks again, by the same request: it must not run twice.
    env.queue.after(700, ask);
    return true;
  }

  transfer(dice: number): boolean {
    const { leader } = this.#sim;
    if (leader === null) return false;
    const { voters } = leader.raft.status();
    const target = dice < 0.5 ? null : (voters[Math.floor((dice - 0.5) * 2 * voters.length)] ?? null);
    leader.process.deliver(() => void leader.raft.transferLeadership(target, withinMs));
    return true;
  }

  /** Of the running operation, at an epoch that is over; false: there is none. */
  proposeStale(dice: number): boolean {
    const { leader, frontier, env } = this.#sim;
    const operation = this.#sim.cluster?.operation ?? null;
    const old = frontier.spoken.filter((one) => operation !== null && one.operation === operation.id
      && one.epoch < operation.epoch);
    const stale = old[Math.floor(dice * old.length)];
    if (leader === null || stale === undefined) return false;
    const session = { id: `r-stale-${env.random.hex(8)}`, serial: 1 };
    leader.process.deliver(() => void leader.raft.propose(encodeCommand(stale), session, withinMs));
    return true;
  }

  /** Another preferred candidate. */
  reconfigure(dice: number): boolean {
    const { leader, frontier, servers, env } = this.#sim;
    if (leader === null || this.#sim.cluster === null) return false;
    const changed = specOf(servers, Math.floor(dice * servers.length));
    this.#propose({ [cluster]: changed }, {}, frontier.state.configVersion, `apply-${env.random.hex(8)}`);
    return true;
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
    if (id === undefined || !this.#mayLose(voters, dice)) return false;
    this.#change({ kind: 'remove', id }, 4);
    return true;
  }

  /** From three voters to two now and then, while all of them live: two survive no loss. */
  #mayLose(voters: readonly ManagerId[], dice: number): boolean {
    if (voters.length > 3) return true;
    const areAllThere = voters.every((voter) => this.#sim.seats.get(voter)?.node.isRunning === true);
    return voters.length === 3 && areAllThere && (dice * 23) % 1 < 0.4;
  }

  /** Again until it stands in the log. */
  #declare(): void {
    const sim = this.#sim;
    sim.env.queue.after(500, () => {
      if (sim.cluster !== null) return;
      this.#declare();
      const [first] = sim.servers;
      const spec = specOf(sim.servers, sim.plan.preferred);
      this.#propose({ [cluster]: spec }, { [cluster]: first!.name }, 0, 'declare');
    });
  }

  #propose(
    clusters: Record<string, ReturnType<typeof specOf>>,
    primaries: Record<string, ReturnType<typeof specOf>['servers'][number]['name']>,
    basedOnVersion: number,
    requestId: string,
  ): void {
    const { leader } = this.#sim;
    const command = encodeCommand({ kind: 'config-applied', clusters, primaries, basedOnVersion });
    leader?.process.deliver(() => void leader.raft.propose(command, { id: `r-${requestId}`, serial: 1 }, withinMs));
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
      void leader.raft.changeMembership(change, withinMs).then((outcome) => {
        const reason = 'reason' in outcome ? `: ${outcome.reason}` : '';
        sim.env.trace.say('person', `${change.kind} is ${outcome.kind}${reason}`);
        if (outcome.kind !== 'applied') again();
      });
    });
  }

  #tidyOften(): void {
    const { env } = this.#sim;
    env.queue.after(tidyEveryMs, () => {
      this.#tidy();
      this.#tidyOften();
    });
  }

  /** Nothing while hactl is at work. */
  #tidy(): void {
    const { servers, cluster: state, env } = this.#sim;
    if (state === null || state.operation !== null) return;
    const primary = servers.find(({ name }) => name === state.primary);
    if (primary === undefined || primary.status === 'down' || primary.isHung) return;
    if (!primary.takesWrites) {
      // hactl opens a primary that came up closed only in an operation; upkeep will.
      if (state.unrestored !== null || primary.offline || !primary.cameUpClosed) return;
      env.trace.say('person', `opens ${primary.name}, which came up closed`);
      // Nobody lets it wait for what nobody gives.
      const isFrom = (host: string | undefined): boolean => host === primary.host;
      const isAcknowledged = servers.some(({ replica }) => isFrom(replica?.source.host) && replica?.isAcknowledging);
      const waitsForAcks = this.#sim.plan.isSemiSync && isAcknowledged;
      Object.assign(primary, { readOnly: false, superReadOnly: false, cameUpClosed: false, waitsForAcks });
      return;
    }
    for (const server of servers) {
      const isOut = server.status === 'down' || server.isHung || env.network.isCut(server.name, primary.name);
      if (server === primary || isOut) continue;
      const isFollowing = server.replica?.source.host === primary.host && server.replica.receiver !== 'off';
      if (!isFollowing) server.cloneFrom(primary);
    }
  }
}
