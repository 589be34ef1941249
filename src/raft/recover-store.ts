/**
 * A majority of the managers is lost for good: makes one survivor the only voter, under a new lineage, so that managers
 * of before are strangers to it. All of its log is kept and counts as committed.
 *
 * Under the store's lock, each step durable before the next:
 *   1. the copy of the store as it was         (a crash: the old store, untouched)
 *   2. meta.json: new lineage, new store id, `recovering`   (a crash: nobody starts on it; to be run again)
 *   3. the log, in one write: the one voter in place of every membership, vote and commit index   (as 2)
 *   4. meta.json without `recovering`          (the new store)
 * The lineage comes before the log: a log with one voter under the old lineage could elect itself beside the others.
 * Run again after 2 or 3, it goes on with the same lineage and the same copy; after 4 there is nothing to do.
 */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { errorMessage, HactlError, logIndex, term } from '../base/index.js';
import type { LogIndex, ManagerId, Term } from '../base/index.js';
import { bootstrapMembership, memberOf, noMembers } from './core/index.js';
import type { HardState, LogBase, Member, Membership, Snapshot, StoredEntry } from './core/index.js';
import { inspectLocked, type StoreInspection } from './inspect-store.js';
import { LevelLogStore } from './level-log-store.js';
import { makeLastingCopy } from './store-copy.js';
import { newStoreId, refuseOtherUser, writeMeta, type StoreMeta } from './store-directory.js';
import { withStoreLock } from './store-lock.js';
import type { RestoredStore, StoreWrite } from './types.js';

/** What a person needs to know before: compared with the other survivors, it says whose log reaches furthest. */
export interface RecoveryPlan {
  readonly clusterId: string;
  readonly managerId: ManagerId;
  readonly lineage: string | null;
  readonly directory: string;
  readonly lastTerm: Term;
  readonly lastIndex: LogIndex;
  /** Known here to be committed; entries after it may or may not have been. */
  readonly commitIndex: LogIndex;
  /** Of a torn write that was never acknowledged. */
  readonly cutCount: number;
  /** Of the last entry. Null: the log is empty. */
  readonly lastTimeMs: number | null;
  readonly members: readonly ManagerId[];
  /** It goes on with a recovery that was interrupted. */
  readonly isResumed: boolean;
  /** Where the store as it was is kept. */
  readonly copy: string;
}

export type RecoveryOutcome =
  | {
      readonly kind: 'recovered';
      readonly plan: RecoveryPlan;
      readonly lineage: string;
      readonly storeId: string;
      readonly lastIndex: LogIndex;
      readonly term: Term;
    }
  /** It is the only voter already. */
  | { readonly kind: 'nothing-to-do'; readonly plan: RecoveryPlan }
  | { readonly kind: 'declined'; readonly plan: RecoveryPlan };

export interface HeldLog {
  readonly snapshot: Snapshot | null;
  readonly entries: readonly StoredEntry[];
}

export interface RecoveryOptions {
  readonly directory: string;
  readonly clusterId: string;
  readonly managerId: ManagerId;
  /** Where the managers that are to come find this one, and what its build understands. */
  readonly own: Pick<Member, 'rpc' | 'http' | 'reducerMax'>;
  readonly nowMs: number;
  /** Asked once, before anything is changed. */
  readonly agree: (plan: RecoveryPlan, held: HeldLog) => Promise<boolean>;
}

/** Throws HactlError: `refused` (in use, of another manager or user, no member), `store-missing`, `store-faulted`. */
export async function recoverStore(options: RecoveryOptions): Promise<RecoveryOutcome> {
  const { clusterId, managerId } = options;
  const directory = resolve(options.directory);
  // Before the lock, whose failure says less, and for a dry run too: it is told of at the first look.
  await refuseOtherUser(directory);
  return withStoreLock(directory, async () => {
    const inspection = await inspectLocked(directory, { clusterId, managerId });
    const meta = soundMeta(directory, inspection);
    const before = newestMembership(inspection) ?? bootstrapMembership(meta.voters);
    const plan = planOf(directory, meta, inspection, before, options.nowMs);
    refuseUseless(plan, before);
    if (!plan.isResumed && isAlone(before, managerId)) return { kind: 'nothing-to-do', plan };
    if (!(await options.agree(plan, inspection))) return { kind: 'declined', plan };
    const changed = plan.isResumed ? meta : await beginRecovery(plan, meta, options.nowMs);
    const hardState = await rewriteLog(directory, changed, before, options);
    // The log is closed, and the lock with it; nobody starts on this until meta.json says so.
    const after = { ...changed, recovering: null };
    await writeMeta(directory, after);
    const { storeId } = after;
    const lineage = after.lineage ?? '';
    return { kind: 'recovered', plan, lineage, storeId, lastIndex: hardState.commitIndex, term: hardState.term };
  });
}

function soundMeta(directory: string, { meta, verdict }: StoreInspection): StoreMeta {
  if (meta !== null && verdict.kind !== 'faulted') return meta;
  const copy = meta?.recovering ?? null;
  throw new HactlError({
    code: 'store-faulted',
    what: `the store in ${directory} has lost something it acknowledged, and cannot carry on for all`,
    why: verdict.kind === 'faulted' ? verdict.why : 'meta.json cannot be read',
    next:
      (copy === null ? '' : `an earlier recovery kept the store of before in ${copy}: put it back and try again; or `) +
      'recover from another survivor, or from a copy of a data directory from before; ' +
      `\`hactl debug dump-log ${directory}\` shows what is left in this one`,
  });
}

/** In force: the newest in the log, committed or not. Null: the log says nothing of it. */
export function newestMembership({ snapshot, entries }: HeldLog): Membership | null {
  for (const { index, payload } of [...entries].reverse()) {
    if (payload.kind === 'membership' && index > (snapshot?.index ?? 0)) return payload.membership;
  }
  return snapshot?.membership ?? null;
}

const idsOf = ({ voters, learners }: Membership): ManagerId[] => [...voters, ...learners].map(({ id }) => id);
const isAlone = ({ voters }: Membership, id: ManagerId): boolean => voters.length === 1 && voters[0]?.id === id;

function planOf(
  directory: string, meta: StoreMeta, inspection: StoreInspection, before: Membership, nowMs: number,
): RecoveryPlan {
  const { hardState, verdict, base, snapshot } = inspection;
  const last: LogBase | null = inspection.entries.at(-1) ?? snapshot ?? base;
  return {
    clusterId: meta.clusterId,
    managerId: meta.managerId,
    lineage: meta.lineage,
    directory,
    lastTerm: last?.term ?? term(0),
    lastIndex: last?.index ?? logIndex(0),
    commitIndex: hardState?.commitIndex ?? logIndex(0),
    cutCount: verdict.kind === 'cut' ? verdict.count : 0,
    lastTimeMs: last === null || last.index === 0 ? null : last.timeMs,
    members: idsOf(before),
    isResumed: meta.recovering !== null,
    copy: meta.recovering ?? `${directory}.before-recover-${stampOf(nowMs)}`,
  };
}

function refuseUseless({ directory, managerId, lastIndex }: RecoveryPlan, before: Membership): void {
  const refuse = (why: string, next: string): HactlError =>
    new HactlError({ code: 'refused', what: `the store in ${directory} cannot carry on for the others`, why, next });
  if (before.removed.includes(managerId)) {
    throw refuse(`${managerId} was removed from the managers, and knows nothing since`, 'recover from a survivor');
  }
  if (lastIndex === 0 || memberOf(before, managerId) === null) {
    throw refuse(
      `${managerId} has never been a member: its log is empty, or knows nothing of it`,
      'recover from a manager that took part; if there is none, begin anew with `hactl init` on empty directories',
    );
  }
}

const stampOf = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');

async function beginRecovery(plan: RecoveryPlan, meta: StoreMeta, nowMs: number): Promise<StoreMeta> {
  const { directory, copy, managerId } = plan;
  await makeLastingCopy(directory, copy).catch((thrown: unknown) => {
    throw copyFailed(copy, thrown);
  });
  // The date for people, the rest so that two survivors which are both recovered by mistake stay strangers.
  const lineage = `${stampOf(nowMs).slice(0, 8)}-${randomBytes(4).toString('hex')}`;
  const changed = { ...meta, voters: [managerId], lineage, storeId: newStoreId(), recovering: copy };
  await writeMeta(directory, changed);
  return changed;
}

function copyFailed(copy: string, cause: unknown): HactlError {
  return new HactlError(
    {
      code: 'refused',
      what: `a copy of the store cannot be kept in ${copy}`,
      why: `${errorMessage(cause)}; nothing was changed`,
      next: 'give the folder above the data directory room, and write access for this user; then try again',
    },
    { cause },
  );
}

/** Returns what stands in the log now. Does nothing when an earlier run came as far as this. */
async function rewriteLog(
  directory: string, meta: StoreMeta, before: Membership, { own, nowMs }: RecoveryOptions,
): Promise<HardState> {
  const store = new LevelLogStore(directory, meta.clusterId);
  const restored = await store.open();
  try {
    if (memberOf(before, meta.managerId)?.storeId === meta.storeId) return restored.hardState;
    const { managerId: id, storeId } = meta;
    const others = idsOf(before).filter((one) => one !== id);
    const membership: Membership = {
      ...noMembers,
      voters: [{ id, ...own, storeId, replaces: null }],
      // Ids are used once, in all lineages: the history of operations names them.
      removed: [...before.removed, ...others],
    };
    const write = soleVoterWrite(restored, membership, nowMs);
    await store.write(write);
    return write.hardState;
  } finally {
    await store.close();
  }
}

/**
 * Every membership is replaced, those of the past and that of the snapshot too: a manager that joins goes through them
 * one by one, and would meanwhile refuse this one, whose store id they do not know, for good. Indexes, terms and times
 * stay, so the state machine sees the log that it always saw.
 */
function soleVoterWrite(
  { hardState, snapshot, base, entries }: RestoredStore, membership: Membership, nowMs: number,
): StoreWrite & { readonly hardState: HardState } {
  const payload = { kind: 'membership', membership } as const;
  const kept = entries.map((entry) => (entry.payload.kind === 'membership' ? { ...entry, payload } : entry));
  const last: LogBase = entries.at(-1) ?? base;
  const index = logIndex(last.index + 1);
  const newTerm = term(hardState.term + 1);
  const added: StoredEntry = { index, term: newTerm, timeMs: Math.max(last.timeMs, nowMs), payload };
  const [self] = membership.voters;
  return {
    hardState: { term: newTerm, votedFor: self?.id ?? null, commitIndex: index },
    snapshot: snapshot === null ? null : { ...snapshot, membership },
    replacesLog: false,
    compactTo: null,
    truncateFrom: logIndex(base.index + 1),
    entries: [...kept, added],
  };
}
