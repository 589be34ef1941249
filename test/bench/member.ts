/** What the benchmark needs of one member of three, whichever system it belongs to. */

export interface MemberStatus {
  readonly isLeader: boolean;
  /** Index of the last applied entry; both systems count their own entries in it (no-ops, membership) too. */
  readonly appliedIndex: number;
}

export interface Member {
  readonly name: string;
  readonly pid: number;
  /** Resolves once it is committed and applied by the member that was asked. Rejects when that is not known. */
  put(key: Uint8Array, value: Uint8Array, withinMs: number): Promise<void>;
  /** There and back, without consensus: what the way to the member costs. */
  roundTrip(): Promise<void>;
  /** Null while it cannot be asked. Rejects when the process has ended by itself. */
  status(): Promise<MemberStatus | null>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  start(): void;
}

export interface Trio<M extends Member = Member> {
  readonly members: readonly M[];
  stopAll(): Promise<void>;
}

const pollMs = 5;
const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Asks again every few milliseconds until there is an answer. */
export async function waitFor<T>(what: string, withinMs: number, look: () => Promise<T | null>): Promise<T> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > untilMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(pollMs);
  }
}

export function waitForLeader<M extends Member>({ members }: Trio<M>): Promise<M> {
  return waitFor('a leader', 20_000, async () => {
    for (const member of members) if ((await member.status())?.isLeader === true) return member;
    return null;
  });
}

export function waitForApplied(member: Member, index: number, withinMs: number): Promise<MemberStatus> {
  return waitFor(`${member.name} at entry ${index}`, withinMs, async () => {
    const status = await member.status();
    return status !== null && status.appliedIndex >= index ? status : null;
  });
}

/** Every member has applied what the leader has. */
export async function waitForAll<M extends Member>(trio: Trio<M>): Promise<M> {
  const leader = await waitForLeader(trio);
  const applied = (await leader.status())?.appliedIndex ?? 0;
  for (const member of trio.members) await waitForApplied(member, applied, 60_000);
  return leader;
}
