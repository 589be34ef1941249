/** What the HTTP server needs of the manager behind it. Implemented in the composition root. */
import type {
  AddManagerRequest,
  ApplyRequest,
  ApplyResponse,
  ManagerChangeResponse,
  ManagersResponse,
  OperationStatus,
  PrimaryResponse,
  RemoveManagerRequest,
  StatusResponse,
  SwitchoverRequest,
  SwitchoverResponse,
  TransferRequest,
} from './api-types.js';

export type PrimaryAnswer =
  | { readonly kind: 'primary'; readonly primary: PrimaryResponse }
  /** Known cluster, but this manager may not name a primary now; `reason` is a sentence. */
  | { readonly kind: 'hidden'; readonly reason: string }
  | { readonly kind: 'no-such-cluster' };

export interface LeaderAnswer {
  readonly isLeader: boolean;
  readonly leader: string | null;
  /** Base URL of the leader's HTTP server, for forwarding; null when there is no leader or this is it. */
  readonly leaderUrl: string | null;
}

export interface ManagerBackend {
  status(): StatusResponse;
  leader(): LeaderAnswer;
  primaryOf(cluster: string): PrimaryAnswer;
  /** All known operations, latest first; empty cluster name: of all clusters. */
  operations(cluster: string | null): readonly OperationStatus[];
  operation(id: string): OperationStatus | null;
  managers(): ManagersResponse;
  /** These run on the leader only and throw HactlError. */
  apply(request: ApplyRequest): Promise<ApplyResponse>;
  switchover(cluster: string, request: SwitchoverRequest): Promise<SwitchoverResponse>;
  addManager(request: AddManagerRequest): Promise<ManagerChangeResponse>;
  removeManager(id: string, request: RemoveManagerRequest): Promise<ManagerChangeResponse>;
  transferLeadership(request: TransferRequest): Promise<ManagerChangeResponse>;
}
