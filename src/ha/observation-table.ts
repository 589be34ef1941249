/**
 * The leader's memory of what the managers saw: the latest observation of each server by each manager, and what can
 * only be known by comparing two of them, above all whether a receiver's counters moved. It judges nothing and
 * knows no clock: times are the holder's own, at receipt. Bounded by managers x servers: what is not declared with
 * `retain` is dropped.
 *
 * Invariants: one manager's looks are compared only with its own earlier ones (two managers see the same counter at
 * different times, and their reports may overtake each other), and never across a gap in which nobody looked.
 */
import { GtidSet } from '../base/index.js';
import type { ClusterName, ManagerId, ReplicaFacts, ServerFacts, ServerName } from '../base/index.js';
import type { ClusterSpec, ServerSpec } from './cluster-spec.js';
import type { Observation, ReceivedObservation } from './observation.js';

/** An observation older than this says nothing of the present: three intervals, and the time a probe may take. */
export function staleAfterMs(spec: ClusterSpec): number {
  return 3 * spec.detection.intervalMs + spec.detection.probeTimeoutMs;
}

/** The counters of one replica's receiver, as one manager followed them. */
export interface ReplicaTestimony {
  readonly manager: ManagerId;
  readonly replica: ServerName;
  /** False only where it is sure that this receiver follows somebody else. */
  readonly isFromPrimary: boolean;
  readonly receiver: ReplicaFacts['receiver'];
  readonly applier: ReplicaFacts['applier'];
  readonly heartbeatPeriodMs: number;
  readonly received: string;
  readonly heartbeats: number;
  /** Since when this manager has followed it without a gap. */
  readonly watchedSinceMs: number;
  /** When a change was last seen: the change itself was between `movedAfterMs` and `movedAtMs`. Null: none seen. */
  readonly movedAfterMs: number | null;
  readonly movedAtMs: number | null;
  readonly seenAtMs: number;
}

type Series = Omit<ReplicaTestimony, 'manager' | 'replica' | 'isFromPrimary' | 'seenAtMs'> & {
  readonly sourceHost: string;
  readonly sourcePort: number;
  readonly sourceUuid: string;
};

interface LastFacts {
  readonly facts: ServerFacts;
  readonly seenAtMs: number;
}

interface Cell {
  readonly latest: ReceivedObservation;
  /** The last answer, kept when misses follow it. */
  readonly lastFacts: LastFacts | null;
  /** Null while the server replicates from nobody. */
  readonly series: Series | null;
}

type CellKey = `${ManagerId}/${ServerName}`;

interface ClusterCells {
  readonly spec: ClusterSpec;
  readonly cells: Map<CellKey, Cell>;
}

export class ObservationTable {
  #managers: ReadonlySet<ManagerId> = new Set();
  readonly #clusters = new Map<string, ClusterCells>();

  /** Names all that may be recorded, and forgets the rest. `clusters` fits HaState.clusters. */
  retain(managers: readonly ManagerId[], clusters: Readonly<Record<string, { readonly spec: ClusterSpec }>>): void {
    this.#managers = new Set(managers);
    for (const name of [...this.#clusters.keys()]) {
      if (clusters[name] === undefined) this.#clusters.delete(name);
    }
    for (const [name, { spec }] of Object.entries(clusters)) {
      const cells = new Map<CellKey, Cell>();
      for (const [key, cell] of this.#clusters.get(name)?.cells ?? []) {
        const { manager, server } = cell.latest;
        if (this.#managers.has(manager) && isSameServer(this.#specOf(name, server), declared(spec, server))) {
          cells.set(key, cell);
        }
      }
      this.#clusters.set(name, { spec, cells });
    }
  }

  /** False when the manager, the cluster or the server is not declared: nothing was recorded. */
  record(observation: Observation, nowMs: number): boolean {
    const cluster = this.#clusters.get(observation.cluster);
    if (cluster === undefined || !this.#managers.has(observation.manager)) return false;
    if (declared(cluster.spec, observation.server) === undefined) return false;
    const key: CellKey = `${observation.manager}/${observation.server}`;
    const before = cluster.cells.get(key);
    const latest: ReceivedObservation = { ...observation, receivedAtMs: nowMs };
    if (observation.outcome.kind !== 'ok') {
      cluster.cells.set(key, { latest, lastFacts: before?.lastFacts ?? null, series: before?.series ?? null });
      return true;
    }
    const { facts } = observation.outcome;
    const series = facts.replica === null
      ? null
      : continued(facts.replica, before ?? null, nowMs, staleAfterMs(cluster.spec));
    cluster.cells.set(key, { latest, lastFacts: { facts, seenAtMs: nowMs }, series });
    return true;
  }

  /** The latest observation of each server by each manager, however old: its reader looks at `receivedAtMs`. */
  latest(cluster: ClusterName): readonly ReceivedObservation[] {
    return this.#cells(cluster).map((cell) => cell.latest);
  }

  /** What the server said of itself when it last answered any manager; null if it never did. */
  lastFacts(cluster: ClusterName, server: ServerName): ServerFacts | null {
    let last: LastFacts | null = null;
    for (const cell of this.#cells(cluster)) {
      if (cell.latest.server !== server || cell.lastFacts === null) continue;
      if (last === null || cell.lastFacts.seenAtMs > last.seenAtMs) last = cell.lastFacts;
    }
    return last?.facts ?? null;
  }

  /** All transactions that any manager has seen executed there: what tells errant from lost. */
  knownExecuted(cluster: ClusterName, server: ServerName): GtidSet {
    const texts = new Set<string>();
    for (const cell of this.#cells(cluster)) {
      if (cell.latest.server === server && cell.lastFacts !== null) texts.add(cell.lastFacts.facts.executed);
    }
    return GtidSet.unionOf([...texts].map((text) => GtidSet.tryParse(text) ?? GtidSet.empty));
  }

  /** The receivers' counters, by replica and manager. */
  testimony(cluster: ClusterName, primary: ServerName): readonly ReplicaTestimony[] {
    const spec = this.#clusters.get(cluster)?.spec;
    if (spec === undefined) return [];
    const primaryUuid = this.lastFacts(cluster, primary)?.serverUuid ?? null;
    const testimony: ReplicaTestimony[] = [];
    for (const { latest, lastFacts, series } of this.#cells(cluster)) {
      if (latest.server === primary || series === null || lastFacts === null) continue;
      const { sourceHost, sourcePort, sourceUuid, ...counters } = series;
      testimony.push({
        ...counters,
        manager: latest.manager,
        replica: latest.server,
        isFromPrimary: mayFollow({ sourceHost, sourcePort, sourceUuid }, spec, primary, primaryUuid),
        seenAtMs: lastFacts.seenAtMs,
      });
    }
    return testimony;
  }

  #cells(cluster: ClusterName): readonly Cell[] {
    return [...(this.#clusters.get(cluster)?.cells.values() ?? [])];
  }

  #specOf(cluster: string, server: ServerName): ServerSpec | undefined {
    const spec = this.#clusters.get(cluster)?.spec;
    return spec === undefined ? undefined : declared(spec, server);
  }
}

function declared(spec: ClusterSpec, server: ServerName): ServerSpec | undefined {
  return spec.servers.find((candidate) => candidate.name === server);
}

/** A name that now stands for another address is another server: nothing seen before is true of it. */
function isSameServer(before: ServerSpec | undefined, now: ServerSpec | undefined): boolean {
  return before !== undefined && now !== undefined && before.host === now.host && before.port === now.port;
}

function continued(replica: ReplicaFacts, before: Cell | null, nowMs: number, gapMsMax: number): Series {
  const { receiver, applier, heartbeatPeriodMs, received, heartbeats, sourceHost, sourcePort, sourceUuid } = replica;
  const look = { receiver, applier, heartbeatPeriodMs, received, heartbeats, sourceHost, sourcePort, sourceUuid };
  const series = before?.series ?? null;
  const seenAtMs = before?.lastFacts?.seenAtMs ?? 0;
  const isSameSource = series !== null
    && series.sourceHost === sourceHost
    && series.sourcePort === sourcePort
    && series.sourceUuid === sourceUuid;
  // A receiver that was restarted while nobody looked may show the same numbers again.
  if (!isSameSource || nowMs - seenAtMs > gapMsMax) {
    return { ...look, watchedSinceMs: nowMs, movedAfterMs: null, movedAtMs: null };
  }
  const { watchedSinceMs, movedAfterMs, movedAtMs } = series;
  return hasMoved(series, replica)
    ? { ...look, watchedSinceMs, movedAfterMs: seenAtMs, movedAtMs: nowMs }
    : { ...look, watchedSinceMs, movedAfterMs, movedAtMs };
}

/**
 * Any difference counts, a lower number too: counters that start again belong to a receiver that has connected
 * anew, and somebody must have answered it.
 */
export function hasMoved(
  before: Pick<ReplicaFacts, 'receiver' | 'received' | 'heartbeats'>,
  now: Pick<ReplicaFacts, 'receiver' | 'received' | 'heartbeats'>,
): boolean {
  if (before.received !== now.received || before.heartbeats !== now.heartbeats) return true;
  return before.receiver !== 'on' && now.receiver === 'on';
}

/**
 * May this receiver's source be the primary? A replica can know it by an address that is not the declared one, so "no"
 * needs proof: another UUID than the primary's, or the address of another declared server.
 */
function mayFollow(
  source: Pick<ReplicaFacts, 'sourceHost' | 'sourcePort' | 'sourceUuid'>,
  spec: ClusterSpec,
  primary: ServerName,
  primaryUuid: string | null,
): boolean {
  const addressed = spec.servers.find(({ host, port }) => host === source.sourceHost && port === source.sourcePort);
  if (addressed?.name === primary) return true;
  if (source.sourceUuid !== '' && primaryUuid !== null) return source.sourceUuid === primaryUuid;
  return addressed === undefined;
}
