/** The tools for the data directory of a stopped manager, in the plain data that the command line prints. */
import { resolve } from 'node:path';
import { errorMessage } from '../base/index.js';
import type { DumpedEntry, DumpRange, LogDump, MembersReport, PointReport, RecoveryPlanReport } from '../cli/index.js';
import type { RecoveryReport, StoreReport, StoreTarget, StoreTools } from '../cli/index.js';
import { formatHostPort, loadManagerConfig, nodeSecretSource } from '../config/index.js';
import { reducerMax } from '../ha/index.js';
import {
  bootstrapMembership, decodeMachineData, inspectStore, newestMembership, recoverStore, SessionedStateMachine,
} from '../raft/index.js';
import type {
  ExpectedOwner, HeldLog, LogBase, Membership, RecoveryPlan, StoredEntry, StoreInspection,
} from '../raft/index.js';
import { HaMachine } from './ha-machine.js';
import { entryWords, stateWords } from './log-words.js';

interface Place {
  readonly directory: string;
  readonly expected: ExpectedOwner | null;
}

function placeOf(target: StoreTarget): Place {
  if ('directory' in target) return { directory: resolve(target.directory), expected: null };
  const { dataDir, id, clusterId } = loadManagerConfig(target.config, nodeSecretSource()).config;
  return { directory: dataDir, expected: { managerId: id, ...(clusterId === null ? {} : { clusterId }) } };
}

function pointOf({ index, term, timeMs }: LogBase | StoredEntry): PointReport {
  return { index, term, time: new Date(timeMs).toISOString() };
}

function membersOf({ voters, learners, removed }: Membership): MembersReport {
  return { voters: voters.map(({ id }) => id), learners: learners.map(({ id }) => id), removed };
}

function newestMembers(inspection: StoreInspection): MembersReport | null {
  const { meta } = inspection;
  const newest = newestMembership(inspection) ?? (meta === null ? null : bootstrapMembership(meta.voters));
  return newest === null ? null : membersOf(newest);
}

function reportOf(directory: string, inspection: StoreInspection): StoreReport {
  const { meta, verdict, generation, marked, hardState, snapshot, snapshotBytes, base, entries } = inspection;
  const [first, last] = [entries.at(0), entries.at(-1)];
  return {
    directory,
    clusterId: meta?.clusterId ?? null,
    manager: meta?.managerId ?? null,
    storeId: meta?.storeId ?? null,
    lineage: meta?.lineage ?? null,
    verdict,
    generation,
    markedGeneration: marked?.generation ?? null,
    term: hardState?.term ?? null,
    votedFor: hardState?.votedFor ?? null,
    commitIndex: hardState?.commitIndex ?? null,
    snapshot:
      snapshot === null
        ? null
        : { ...pointOf(snapshot), bytes: snapshotBytes, members: membersOf(snapshot.membership) },
    base: base === null ? null : { index: base.index, term: base.term },
    first: first === undefined ? null : pointOf(first),
    last: last === undefined ? null : pointOf(last),
    entries: entries.length,
    bytes: inspection.entryBytes,
    members: newestMembers(inspection),
  };
}

async function verify(target: StoreTarget): Promise<StoreReport> {
  const { directory, expected } = placeOf(target);
  return reportOf(directory, await inspectStore(directory, expected));
}

function dumpedEntry(entry: StoredEntry): DumpedEntry {
  const { payload } = entry;
  const session = payload.kind === 'command' ? payload.session : null;
  return { ...pointOf(entry), kind: payload.kind, ...entryWords(payload), session };
}

/** As the state machine of a leader would have it that takes the whole log for committed. */
function replayed({ snapshot, entries }: HeldLog): readonly string[] {
  const machine = new HaMachine();
  const sessioned = new SessionedStateMachine(machine);
  try {
    if (snapshot !== null) sessioned.restore(decodeMachineData(snapshot.data));
    for (const { index, term, timeMs, payload } of entries) {
      if (payload.kind !== 'command' || index <= (snapshot?.index ?? 0)) continue;
      sessioned.apply({ index, term, timeMs, command: payload.command }, payload.session);
    }
    return stateWords(machine.state);
  } catch (thrown) {
    return [`they cannot be told: ${errorMessage(thrown)}`];
  }
}

function snapshotState({ snapshot }: StoreInspection): unknown {
  if (snapshot === null) return null;
  try {
    return decodeMachineData(snapshot.data).state;
  } catch (thrown) {
    return `it cannot be read: ${errorMessage(thrown)}`;
  }
}

function stopOf({ broken, verdict }: StoreInspection): string | null {
  if (broken === null) return null;
  const unacknowledged = verdict.kind === 'cut' ? ' (it was never acknowledged, and a start cuts it off)' : '';
  return `entry ${broken.index} ${broken.why}${unacknowledged}`;
}

async function dump(target: StoreTarget, { from, to, snapshot }: DumpRange): Promise<LogDump> {
  const { directory, expected } = placeOf(target);
  const inspection = await inspectStore(directory, expected);
  const shown = inspection.entries.filter(({ index }) => index >= (from ?? 0) && index <= (to ?? Infinity));
  return {
    store: reportOf(directory, inspection),
    clusters: replayed(inspection),
    snapshotState: snapshot ? snapshotState(inspection) : null,
    entries: shown.map(dumpedEntry),
    stopsAt: stopOf(inspection),
  };
}

function planReport(plan: RecoveryPlan, clusters: readonly string[]): RecoveryPlanReport {
  const { managerId: manager, lastTimeMs, ...rest } = plan;
  return { ...rest, manager, clusters, lastTime: lastTimeMs === null ? null : new Date(lastTimeMs).toISOString() };
}

async function recover(
  configPath: string,
  clusterId: string,
  agree: (plan: RecoveryPlanReport) => Promise<boolean>,
): Promise<RecoveryReport> {
  const { config } = loadManagerConfig(configPath, nodeSecretSource());
  const own = config.managers.get(config.id);
  let clusters: readonly string[] = [];
  const outcome = await recoverStore({
    directory: config.dataDir,
    clusterId,
    managerId: config.id,
    own: {
      rpc: own === undefined ? null : formatHostPort(own.rpc),
      http: own === undefined ? null : formatHostPort(own.http),
      reducerMax,
    },
    nowMs: Date.now(),
    agree: (plan, held) => {
      clusters = replayed(held);
      return agree(planReport(plan, clusters));
    },
  });
  const plan = planReport(outcome.plan, clusters);
  if (outcome.kind !== 'recovered') return { outcome: outcome.kind, plan };
  const { lineage, storeId, lastIndex, term } = outcome;
  return { outcome: 'recovered', plan, lineage, storeId, lastIndex, term };
}

export const storeTools: StoreTools = { verify, dump, recover };
