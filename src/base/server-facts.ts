/**
 * What one look at one server says. The words that `mysql` (which reads them) and `ha` (which judges them) share, so
 * that neither has to know the other. GTID sets are text in the server's own notation, white space removed.
 */

export interface ReplicaFacts {
  readonly sourceHost: string;
  readonly sourcePort: number;
  readonly sourceUser: string;
  /** The source's server_uuid; empty before the first connection. */
  readonly sourceUuid: string;
  /** `connecting`: the receiver runs and has no connection to its source. */
  readonly receiver: 'on' | 'connecting' | 'off';
  readonly applier: 'on' | 'off';
  readonly receiverError: string;
  readonly applierError: string;
  readonly autoPosition: boolean;
  /** GTIDs that this receiver has fetched, whether applied or not. Reset by anything that throws the relay log away. */
  readonly received: string;
  /** SOURCE_DELAY, seconds. */
  readonly delayS: number;
  /** The server's own idea of its lag, milliseconds; null when the applier does not run or cannot tell. */
  readonly lagMs: number | null;
  /** Replication heartbeats received since the receiver started: with `received`, what shows that a source lives. */
  readonly heartbeats: number;
  readonly heartbeatPeriodMs: number;
}

export interface SemiSyncFacts {
  /**
   * rpl_semi_sync_source_enabled: this server waits for acknowledgements when it is the primary. null: the plugin for
   * sources is not loaded (many installations load one half on the primary and the other on replicas).
   */
  readonly sourceEnabled: boolean | null;
  /**
   * rpl_semi_sync_replica_enabled: this server acknowledges (from the receiver's next start). null: the plugin for
   * replicas is not loaded.
   */
  readonly replicaEnabled: boolean | null;
  /** Rpl_semi_sync_source_status: commits really wait now. */
  readonly sourceActive: boolean;
  /** Replicas that are connected and acknowledge. */
  readonly sourceClients: number;
}

export interface ServerFacts {
  readonly serverUuid: string;
  readonly serverId: number;
  readonly version: string;
  readonly readOnly: boolean;
  readonly superReadOnly: boolean;
  readonly offline: boolean;
  readonly logBin: boolean;
  readonly logReplicaUpdates: boolean;
  readonly gtidMode: string;
  /** gtid_executed. */
  readonly executed: string;
  /** When this mysqld started, seconds of the server's own clock (UNIX_TIMESTAMP() - Uptime): +-1 s of rounding. */
  readonly startedAtS: number;
  /** null when it replicates from nobody. */
  readonly replica: ReplicaFacts | null;
  /** null when neither plugin is loaded. */
  readonly semiSync: SemiSyncFacts | null;
  /** UUIDs of the replicas connected to this server as their source. */
  readonly replicaUuids: readonly string[];
}

/** Where a server is. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * How a probe ended. `refused`, `reset`, `timeout` and `hung` are misses. `alive` is an answer of a living mysqld that
 * is not the one wished for (wrong password, too many connections, shutting down, ...): never a vote for death.
 * `unknown` is the observer's own fault (DNS, stalled event loop, no sockets, missing secret): no vote either way.
 */
export type ProbeOutcome =
  | { readonly kind: 'ok'; readonly facts: ServerFacts; readonly latencyMs: number }
  | { readonly kind: 'refused' | 'reset' | 'timeout' | 'hung'; readonly detail: string }
  | { readonly kind: 'alive'; readonly reason: string; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string };

export type ProbeKind = ProbeOutcome['kind'];

/** Nobody is there, or nobody answers. */
export function isMiss(kind: ProbeKind): boolean {
  return kind === 'refused' || kind === 'reset' || kind === 'timeout' || kind === 'hung';
}
