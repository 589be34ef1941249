/** How each fault of a plan is done. A fault that has nothing to act on is skipped, and is not counted. */
import type { ManagerId } from '../../src/base/index.js';
import { clientHost } from '../world/writers.js';
import type { LoggedEntry } from '../world/replicated-log.js';
import type { SimServer } from '../world/sim-server.js';
import type { DiskCopy, SimDisk } from './disk.js';
import type { FaultKind } from './fault-shapes.js';
import type { Fault } from './plan.js';
import type { Seat, Simulation } from './simulation.js';

const heldAtMostMs = 8000;

type Doer = (sim: Simulation, fault: Fault) => boolean;

export function carryOut(sim: Simulation, fault: Fault): void {
  if (doers[fault.kind](sim, fault)) count(sim, fault);
}

/** At the moment in which it has an effect. */
function count(sim: Simulation, { kind, forMs, dice }: Fault): void {
  sim.happened[kind] = (sim.happened[kind] ?? 0) + 1;
  sim.env.trace.say('fault', `${kind} for ${forMs} ms (${dice.toFixed(3)})`);
}

/** Later, unless everything is repaired by then. */
function later(sim: Simulation, delayMs: number, act: () => void): void {
  sim.env.queue.after(delayMs, () => {
    if (!sim.isCalm) act();
  });
}

/** At the first entry from now on that `isIt`, unless everything is repaired by then. */
function atEntry(sim: Simulation, isIt: (entry: LoggedEntry) => boolean, act: (entry: LoggedEntry) => void): void {
  let isOver = false;
  sim.frontier.onCommit((entry) => {
    if (isOver || sim.isCalm || !entry.result.ok || !isIt(entry)) return;
    isOver = true;
    act(entry);
  });
}

function pick<T>(from: readonly T[], dice: number): T | undefined {
  return from[Math.floor(dice * from.length)];
}

/** The leader half of the time: that is where it hurts. */
function seatOf(sim: Simulation, dice: number): Seat | undefined {
  const { leader } = sim;
  if (dice < 0.5 && leader !== null) return sim.seats.get(leader.id);
  const seats = [...sim.seats.values()].filter((seat) => !seat.isGone && seat.node.isRunning);
  return pick(seats, dice < 0.5 ? dice : (dice - 0.5) * 2);
}

function primaryOf(sim: Simulation): SimServer | undefined {
  const primary = sim.cluster?.primary;
  return sim.servers.find((server) => server.name === primary && server.status === 'up');
}

function replicaOf(sim: Simulation, dice: number): SimServer | undefined {
  const primary = sim.cluster?.primary;
  return pick(sim.servers.filter((server) => server.name !== primary && server.status === 'up'), dice);
}

function crash(sim: Simulation, server: SimServer, forMs: number): void {
  server.crash();
  for (const node of sim.nodes) node.prober.noticeEnd(server);
  later(sim, forMs, () => server.start());
}

/** `change` returns how it is taken back. */
function onDisk(change: (seat: Seat, dice: number) => () => void): Doer {
  return (sim, { dice, forMs }) => {
    const seat = seatOf(sim, dice);
    if (seat === undefined) return false;
    sim.env.queue.after(forMs, change(seat, dice));
    return true;
  };
}

function onPrimary(change: (primary: SimServer, sim: Simulation, fault: Fault) => (() => void) | null): Doer {
  return (sim, fault) => {
    const primary = primaryOf(sim);
    if (primary === undefined) return false;
    const takeBack = change(primary, sim, fault);
    if (takeBack !== null) sim.env.queue.after(fault.forMs, takeBack);
    return true;
  };
}

function cutFor(sim: Simulation, pairs: readonly (readonly [string, string])[], forMs: number, isOneWay = false): void {
  for (const [from, to] of pairs) {
    if (isOneWay) sim.env.network.cutOneWay(from, to);
    else sim.env.network.cut(from, to);
  }
  sim.env.queue.after(forMs, () => pairs.forEach(([from, to]) => sim.env.network.heal(from, to)));
}

/** Managers on two sides, servers with either; the sides by the bits of the dice. */
const partition: Doer = (sim, { dice, forMs }) => {
  const ids = [...sim.seats.keys()];
  const bits = Math.floor(dice * 2 ** ids.length);
  const side = (index: number): number => (bits >> index) & 1;
  const pairs = ids.flatMap((a, left) =>
    ids.flatMap((b, right) => (left < right && side(left) !== side(right) ? [[a, b] as const] : [])));
  // Servers are cut off from one side of the managers now and then: only some of them see the primary.
  const servers = dice * 7 % 1 < 0.4
    ? ids.flatMap((id, at) => (side(at) === 1 ? sim.servers.map(({ name }) => [id, name] as const) : []))
    : [];
  if (pairs.length === 0) return false;
  cutFor(sim, [...pairs, ...servers], forMs);
  return true;
};

const oneWay: Doer = (sim, { dice, forMs }) => {
  const seat = seatOf(sim, dice);
  if (seat === undefined || sim.seats.size < 2) return false;
  const others = [...sim.seats.keys()].filter((id) => id !== seat.id);
  const pairs = others.map((id) => (dice * 13 % 1 < 0.5 ? [seat.id, id] as const : [id, seat.id] as const));
  cutFor(sim, pairs, forMs, true);
  return true;
};

const managerCrash: Doer = (sim, { dice, forMs }) => {
  const seat = seatOf(sim, dice);
  if (seat === undefined) return false;
  sim.kill(seat.id);
  sim.env.queue.after(forMs, () => sim.restart(seat.id));
  return true;
};

/** What it sends to the servers from now on arrives `afterMs` after another one has begun to act. */
function holdStatements(sim: Simulation, { id }: Seat, afterMs: number): void {
  const { env, servers } = sim;
  for (const { name } of servers) env.network.hold(id, name);
  const letGo = (): void => servers.forEach(({ name }) => env.network.letGo(id, name));
  atEntry(sim, ({ command }) => command.kind === 'step-started' && command.by !== id, () => {
    env.queue.after(afterMs, letGo);
  });
  env.queue.after(heldAtMostMs, letGo);
}

function isStepBegun({ command }: LoggedEntry): boolean {
  return command.kind === 'step-started' || command.kind === 'rollback-started';
}

/** In a step: often between what is committed and what is done. */
const leaderLost: Doer = (sim, fault) => {
  const { dice, forMs } = fault;
  let stepsLeft = Math.floor(dice * 7);
  const isTheStep = (entry: LoggedEntry): boolean => {
    if (isStepBegun(entry)) stepsLeft -= 1;
    return stepsLeft < 0;
  };
  atEntry(sim, isTheStep, ({ command }) => {
    const seat = 'by' in command ? sim.seats.get(command.by) : undefined;
    if (seat === undefined) return;
    const inStepMs = ((dice * 53) % 1) * 20;
    const holds = (dice * 71) % 1 < 0.5;
    if (holds) later(sim, inStepMs, () => holdStatements(sim, seat, ((dice * 83) % 1) * 3));
    // Long enough for a statement or two that are held then.
    later(sim, inStepMs + (holds ? 4 : 0), () => {
      if (!seat.node.isRunning) return;
      count(sim, fault);
      if ((dice * 97) % 1 < 0.35) {
        seat.node.process.pause();
        sim.env.queue.after(forMs, () => seat.node.process.resume());
      } else {
        sim.kill(seat.id);
        sim.env.queue.after(forMs, () => sim.restart(seat.id));
      }
    });
  });
  return false;
};

/** At the beginning of a step that changes what endpoints may say, one of the others hears nothing more. */
const followerLost: Doer = (sim, fault) => {
  const changes = ['fence', 'pause-writes', 'publish'];
  atEntry(sim, ({ command }) => command.kind === 'step-started' && changes.includes(command.step), ({ command }) => {
    const leader = 'by' in command ? command.by : null;
    const others = [...sim.seats.values()].filter(({ id, node }) => id !== leader && node.isRunning);
    const seat = pick(others, fault.dice);
    if (seat === undefined) return;
    count(sim, fault);
    const managers = [...sim.seats.keys()].filter((id) => id !== seat.id);
    cutFor(sim, managers.map((id) => [seat.id, id] as const), fault.forMs);
  });
  return false;
};

/**
 * What a leader said of an operation comes again after another one has taken it over, as from a conductor that does not
 * know: it must change nothing.
 */
const staleProposal: Doer = (sim, fault) => {
  const { dice } = fault;
  atEntry(sim, ({ command }) => command.kind === 'operation-taken-over', () => {
    for (let at = 0; at < 6; at += 1) {
      const which = (dice * (at + 3) * 11) % 1;
      later(sim, ((dice * (at + 5) * 7) % 1) * 400, () => {
        if (sim.operator.proposeStale(which)) count(sim, fault);
      });
    }
  });
  return false;
};

/** From the primary alone, or from all servers. */
const blind: Doer = (sim, { dice, forMs }) => {
  const seat = seatOf(sim, dice);
  if (seat === undefined) return false;
  const primary = sim.cluster?.primary;
  const servers = sim.servers.filter(({ name }) => (dice * 41) % 1 < 0.4 || name === primary);
  cutFor(sim, servers.map(({ name }) => [seat.id, name] as const), forMs);
  return true;
};

const managerPause: Doer = (sim, { dice, forMs }) => {
  const seat = seatOf(sim, dice);
  if (seat === undefined) return false;
  const { process } = seat.node;
  process.pause();
  sim.env.queue.after(forMs, () => process.resume());
  return true;
};

/** With a write under way on its disk, which is lost, or there though nobody was told. */
function crashWhileWriting(how: Partial<Pick<SimDisk, 'keepsShare' | 'tears'>>): Doer {
  return (sim, fault) => {
    const { dice, forMs } = fault;
    const seat = seatOf(sim, dice);
    // A torn write may end the life of a store.
    if (seat === undefined || (how.tears === true && !mayLose(sim, seat))) return false;
    const { disk } = seat;
    disk.slowness = 60;
    let looksLeft = 400;
    const look = (): void => {
      looksLeft -= 1;
      // Meanwhile another store may have been lost.
      const isOver = sim.isCalm || (how.tears === true && !mayLose(sim, seat));
      if (looksLeft === 0 || !seat.node.isRunning || isOver) {
        disk.mend();
      } else if (disk.isWriting) {
        Object.assign(disk, how);
        count(sim, fault);
        sim.kill(seat.id);
        disk.mend();
        sim.env.queue.after(forMs, () => sim.restart(seat.id));
        if (disk.fault !== null) sim.env.queue.after(forMs + 1500, () => replaceLost(sim, seat.id));
      } else {
        sim.env.queue.after(5, look);
      }
    };
    look();
    return false;
  };
}

const powerCut: Doer = (sim, { forMs, dice }) => {
  const ids = [...sim.seats.values()].filter((seat) => !seat.isGone && seat.node.isRunning).map(({ id }) => id);
  for (const id of ids) sim.kill(id);
  ids.forEach((id, at) => sim.env.queue.after(forMs * (0.5 + (dice * (at + 3)) % 1), () => sim.restart(id)));
  return ids.length > 0;
};

/** Losing its disk leaves a majority of voters that have all they ever promised. */
function mayLose(sim: Simulation, seat: Seat | undefined): seat is Seat {
  const voters = sim.leader?.raft.status().voters ?? [];
  if (seat === undefined || voters.length < 3 || !voters.includes(seat.id) || sim.seats.size >= 8) return false;
  return voters.every((id) => {
    const { isGone = true, isForgetful = true, disk = null } = sim.seats.get(id) ?? {};
    return !isGone && !isForgetful && disk?.fault === null;
  });
}

/** A person puts a new manager in its place, as soon as somebody leads. */
function replaceLost(sim: Simulation, id: ManagerId): void {
  if (!sim.operator.add(id)) sim.env.queue.after(1000, () => replaceLost(sim, id));
}

/** The machine is gone with its disk; a person puts a new one in its place. */
const wipedDisk: Doer = (sim, { dice }) => {
  const seat = seatOf(sim, dice);
  if (!mayLose(sim, seat)) return false;
  sim.kill(seat.id, true);
  sim.env.queue.after(1500, () => replaceLost(sim, seat.id));
  return true;
};

/** Before that, somebody runs `hactl init` on the new disk, and starts the old id anew: nobody may let it in. */
const remadeStore: Doer = (sim, fault) => {
  const seat = seatOf(sim, fault.dice);
  const isKnown = sim.leader?.committed.voters.some(({ id, storeId }) => id === seat?.id && storeId !== null) === true;
  if (!mayLose(sim, seat) || !isKnown || !wipedDisk(sim, fault)) return false;
  seat.disk.wipe();
  seat.isForgetful = true;
  seat.isGone = false;
  sim.env.queue.after(600, () => sim.restart(seat.id));
  // Should it never meet anybody who can tell: a person finds the mistake.
  sim.env.queue.after(9000, () => sim.kill(seat.id, true));
  return true;
};

/**
 * Somebody starts a manager on an older copy of its data directory, while the others run and are connected to it: they
 * must turn it away. (When others were restarted in between, nobody may be left who remembers: no promise is made.)
 */
const restoredBackup: Doer = (sim, fault) => {
  const seat = seatOf(sim, fault.dice);
  if (!mayLose(sim, seat)) return false;
  const copy: DiskCopy = seat.disk.copy();
  const first = [...sim.nodes];
  later(sim, 4000, () => {
    const others = [...sim.seats.values()].filter(({ id, isGone }) => id !== seat.id && !isGone);
    const areSame = others.every(({ node }) => first.includes(node) && node.isRunning);
    const knowIt = others.every(({ node }) => node.welcomed.has(seat.node) && !cutOff(sim, seat.id, node.id));
    const isOlder = seat.disk.generation > copy.generation + 3;
    if (!areSame || !knowIt || !seat.node.isRunning || !isOlder || !mayLose(sim, seat)) return;
    count(sim, fault);
    sim.kill(seat.id);
    seat.disk.setBack(copy);
    seat.isForgetful = true;
    seat.isSetBack = true;
    sim.env.trace.say(seat.id, 'its data directory is an older copy of itself');
    sim.env.queue.after(3000, () => replaceLost(sim, seat.id));
    sim.restart(seat.id);
  });
  return false;
};

function cutOff(sim: Simulation, a: ManagerId, b: ManagerId): boolean {
  return sim.env.network.isCut(a, b);
}

const primaryCut: Doer = (sim, { dice, forMs }) => {
  const primary = primaryOf(sim);
  if (primary === undefined) return false;
  const ids = [...sim.seats.keys()];
  const others = sim.servers.filter((server) => server !== primary).map(({ name }) => name);
  // From the managers alone (replication lives on), or from everybody.
  const from = dice < 0.4 ? ids : [...ids, ...others, clientHost];
  cutFor(sim, from.map((id) => [id, primary.name] as const), forMs);
  return true;
};

/** What reaches it arrives; what it says does not. */
const halfOpen: Doer = (sim, { dice, forMs }) => {
  const primary = primaryOf(sim);
  if (primary === undefined) return false;
  const others = sim.servers.filter((server) => server !== primary).map(({ name }) => name);
  const to = dice < 0.5 ? [...sim.seats.keys()] : [...sim.seats.keys(), ...others];
  cutFor(sim, to.map((id) => [primary.name, id] as const), forMs, true);
  return true;
};

/** From one manager to all servers, so that what a leader said arrives when others lead. */
const lateStatements: Doer = (sim, { dice, forMs }) => {
  const seat = seatOf(sim, dice);
  if (seat === undefined) return false;
  for (const { name } of sim.servers) sim.env.network.clog(seat.id, name, forMs * (0.3 + (dice * 11) % 1));
  // Often its sender is gone when it arrives.
  if ((dice * 17) % 1 < 0.6) {
    later(sim, forMs * 0.2, () => sim.kill(seat.id));
    sim.env.queue.after(forMs * 1.2, () => sim.restart(seat.id));
  }
  return true;
};

const lag: Doer = (sim, { dice, forMs }) => {
  const replica = replicaOf(sim, dice);
  if (replica === undefined) return false;
  replica.applyMs = 100 + dice * 900;
  sim.env.queue.after(forMs, () => {
    replica.applyMs = sim.plan.applyMs;
  });
  return true;
};

function wireFor(set: (sim: Simulation, dice: number) => void, reset: (sim: Simulation) => void): Doer {
  return (sim, { dice, forMs }) => {
    set(sim, dice);
    sim.env.queue.after(forMs, () => reset(sim));
    return true;
  };
}

const doers: Readonly<Record<FaultKind, Doer>> = {
  'loss': wireFor((sim, dice) => (sim.wire.lossShare = 0.02 + dice * 0.3), (sim) => (sim.wire.lossShare = 0)),
  'delay': wireFor((sim, dice) => (sim.wire.delayMs = 5 + dice * 300), (sim) => (sim.wire.delayMs = 0)),
  'replay': wireFor((sim, dice) => (sim.wire.replayShare = 0.05 + dice * 0.2), (sim) => (sim.wire.replayShare = 0)),
  'reorder': wireFor((sim) => (sim.wire.overtakes = true), (sim) => (sim.wire.overtakes = false)),
  partition,
  'one-way': oneWay,
  blind,
  'clog': (sim, { dice, forMs }) => {
    const ids = [...sim.seats.keys()];
    const [from, to] = [pick(ids, dice), pick(ids, dice * 7 % 1)];
    if (from === undefined || to === undefined || from === to) return false;
    sim.wire.clogged.set(`${from}>${to}`, sim.env.queue.nowMs + forMs);
    return true;
  },
  'disk-slow': onDisk(({ disk }, dice) => {
    disk.slowness = 20 + (dice * 31 % 1) * 400;
    return () => (disk.slowness = 1);
  }),
  'disk-hang': onDisk(({ disk }) => {
    disk.isHung = true;
    return () => (disk.isHung = false);
  }),
  'disk-fail': onDisk(({ disk }) => {
    disk.failsNextWrite = true;
    return () => undefined;
  }),
  'disk-low': onDisk((seat) => {
    const tell = (isLow: boolean): void => seat.node.process.deliver(() => seat.node.raft.setDiskLow(isLow));
    tell(true);
    return () => tell(false);
  }),
  'disk-full': onDisk(({ disk }) => {
    disk.isFull = true;
    return () => (disk.isFull = false);
  }),
  'unsynced-lost': crashWhileWriting({ keepsShare: 0 }),
  'torn-write': crashWhileWriting({ tears: true }),
  'unsynced-kept': crashWhileWriting({ keepsShare: 1 }),
  'manager-crash': managerCrash,
  'leader-lost': leaderLost,
  'follower-lost': followerLost,
  'power-cut': powerCut,
  'manager-pause': managerPause,
  'clock-step': (sim, { dice }) => {
    const seat = seatOf(sim, dice);
    if (seat === undefined) return false;
    seat.clockOffsetMs += (dice * 29 % 1 - 0.5) * 600_000;
    return true;
  },
  'wiped-disk': wipedDisk,
  'remade-store': remadeStore,
  'restored-backup': restoredBackup,
  'primary-crash': onPrimary((primary, sim, { forMs }) => {
    crash(sim, primary, forMs);
    return null;
  }),
  'primary-blink': onPrimary((primary, sim, { forMs }) => {
    crash(sim, primary, forMs);
    return null;
  }),
  'semi-sync-reset': onPrimary((primary, sim, { forMs }) => {
    if (!primary.waitsForAcks) return null;
    primary.boot = { ...primary.boot, waitsForAcks: false };
    crash(sim, primary, forMs);
    return null;
  }),
  'primary-hang': onPrimary((primary) => {
    primary.isHung = true;
    return () => (primary.isHung = false);
  }),
  'primary-full': onPrimary((primary) => {
    primary.isFull = true;
    return () => (primary.isFull = false);
  }),
  'primary-cut': primaryCut,
  'half-open': halfOpen,
  'late-statements': lateStatements,
  'replica-crash': (sim, { dice, forMs }) => {
    const replica = replicaOf(sim, dice);
    if (replica === undefined) return false;
    crash(sim, replica, forMs);
    return true;
  },
  'replica-behind': (sim, { dice, forMs }) => {
    const [primary, replica] = [primaryOf(sim), replicaOf(sim, dice)];
    if (primary === undefined || replica === undefined) return false;
    cutFor(sim, [[primary.name, replica.name]], forMs);
    // The classic case: then the primary dies, and what is needed lies on the other replica.
    if ((dice * 19) % 1 < 0.5) later(sim, forMs * 0.8, () => crash(sim, primary, 9000));
    return true;
  },
  'relay-log-lost': (sim, { dice, forMs }) => {
    const replica = replicaOf(sim, dice);
    if (replica === undefined) return false;
    replica.boot = { ...replica.boot, recoversRelayLog: true };
    crash(sim, replica, forMs);
    return true;
  },
  lag,
  'server-return': (sim) => {
    const down = sim.servers.filter(({ status }) => status === 'down');
    for (const server of down) server.start();
    return down.length > 0;
  },
  'switchover': (sim) => sim.operator.switchover(),
  'reconfigure': (sim, { dice }) => sim.operator.reconfigure(dice),
  'stale-proposal': staleProposal,
  'transfer': (sim, { dice }) => sim.operator.transfer(dice),
  'grow': (sim, { dice }) => sim.operator.add(null, dice < 0.8 ? 'vote' : 'stay'),
  'shrink': (sim, { dice }) => sim.operator.remove(dice),
};
