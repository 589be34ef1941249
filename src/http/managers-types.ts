/** The JSON about the managers themselves: who they are, and changes of who they are. Part of api-types. */

export type ManagerRole = 'leader' | 'follower' | 'candidate' | 'unknown';

/** A manager's part in the quorum. Learners receive the log and count nowhere. */
export type ManagerPart = 'voter' | 'learner';

export interface QuorumStatus {
  readonly reachable: number;
  readonly voters: number;
  readonly has: boolean;
}

export interface ManagerMember {
  readonly id: string;
  readonly part: ManagerPart;
  readonly role: ManagerRole;
  readonly reachable: boolean;
  /** Round trip from the manager that answers; null for itself and while unknown. */
  readonly roundTripMs: number | null;
  /** Milliseconds since the manager that answers last heard it; null for itself, and when it never did. */
  readonly lastHeardMs: number | null;
  /** Of a learner. `vote`: becomes a voter by itself once it has caught up. */
  readonly then: 'vote' | 'stay' | null;
  /** Once this one votes, that one is removed. */
  readonly replaces: string | null;
  /** Entries of the log that it lacks; null where it is not known: only the leader knows. */
  readonly behind: number | null;
  readonly isReceivingSnapshot: boolean;
  /** It answers and its log does not grow although there is more for it. */
  readonly isStuck: boolean;
  readonly isDiskLow: boolean;
  /** The beginning of its data directory's id; null until it has been heard. */
  readonly storeId: string | null;
  /** host:port; null while only the configuration files know it. */
  readonly rpc: string | null;
  readonly http: string | null;
  /** The newest version of the replicated state that its build understands. */
  readonly reducerMax: number;
}

export interface ManagersResponse {
  /** The manager that answers. What only a leader knows is known when this is the leader. */
  readonly manager: string;
  readonly clusterId: string;
  /** Since a lost quorum was recovered; null: it never was. A manager that joins needs it (`hactl init --join`). */
  readonly lineage: string | null;
  readonly leader: string | null;
  readonly term: number;
  readonly quorum: QuorumStatus;
  /** How many voters may fail, of those that are configured, with a majority left. */
  readonly toleratedLosses: number;
  /** One sentence, as in the status. */
  readonly reason: string;
  /** The version of the replicated state that is in use. */
  readonly reducerVersion: number;
  /** A change of the managers is in the log and not committed yet. */
  readonly isChanging: boolean;
  /** Voters first. */
  readonly managers: readonly ManagerMember[];
  /** Ids that can never be used again. */
  readonly removed: readonly string[];
}

export interface AddManagerRequest {
  readonly id: string;
  readonly rpc: string;
  readonly http: string;
  /** It stays a learner. */
  readonly learner: boolean;
  readonly replaces: string | null;
  readonly dryRun: boolean;
}

export interface RemoveManagerRequest {
  /** Even when those that remain and are reachable are no majority. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

export interface TransferRequest {
  /** null: whoever is best prepared. */
  readonly to: string | null;
  /** Who led when it was asked for: if another one leads by now, there is nothing left to do. null: whoever leads. */
  readonly from: string | null;
  readonly dryRun: boolean;
}

/**
 * Of add, remove and transfer. All three may be asked for again when an answer was lost: what is so already is
 * `unchanged`.
 */
export interface ManagerChangeResponse {
  readonly dryRun: boolean;
  /** `changed`: committed by a majority. `planned`: a dry run, and nothing was done. */
  readonly outcome: 'planned' | 'changed' | 'unchanged';
  readonly sentence: string;
  /** What happens, step by step. */
  readonly plan: readonly string[];
  /** What a person should know before they say yes. */
  readonly risks: readonly string[];
  /** Reasons against it; a dry run lists them, otherwise they are an error `refused`. */
  readonly refusals: readonly string[];
  /** What to do about the refusals; null without any. */
  readonly next: string | null;
  /** Who leads now (after a transfer: the new one); null while nobody does. */
  readonly leader: string | null;
}
