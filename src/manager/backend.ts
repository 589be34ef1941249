/**
 * The manager as the HTTP server sees it. Reads are this manager's own view; changes run on the leader only (the HTTP
 * server forwards them) and prove leadership through the log like everything else.
 */
import { HactlError, managerId, operationId } from '../base/index.js';
import type { ManagerId, ServerAddress } from '../base/index.js';
import { ReignEnded } from '../ha/index.js';
import type { ClockPort, HaState, ReceivedObservation } from '../ha/index.js';
import { formatHostPort } from '../config/index.js';
import type { SecretSource } from '../config/index.js';
import { managersResponse, operationById, operationsOf, statusResponse } from '../http/index.js';
import type {
  AddManagerRequest,
  ApplyRequest,
  ApplyResponse,
  LeaderAnswer,
  ManagerBackend,
  ManagerChangeResponse,
  ManagersResponse,
  OperationStatus,
  PrimaryAnswer,
  RemoveManagerRequest,
  StatusResponse,
  SwitchoverRequest,
  SwitchoverResponse,
  TransferRequest,
} from '../http/index.js';
import type { RaftNode } from '../raft/index.js';
import type { About, RpcNode } from '../rpc/index.js';
import type { AnswerRight } from './answer-right.js';
import { applyConfig } from './apply.js';
import { addManager, removeManager, transferLeadership } from './managers-change.js';
import type { ManagersChangeParts } from './managers-change.js';
import type { QuorumSight } from './managers-plan.js';
import type { Reign } from './reign.js';
import { requestSwitchover } from './switchover-request.js';

export interface BackendOptions {
  readonly self: ManagerId;
  readonly clusterId: string;
  readonly lineage: string | null;
  readonly raft: RaftNode;
  readonly rpc: RpcNode;
  readonly right: AnswerRight;
  readonly state: () => HaState;
  readonly observations: () => ReadonlyMap<string, ReceivedObservation>;
  readonly reign: () => Reign | null;
  readonly httpAddress: (id: ManagerId) => ServerAddress | null;
  readonly secrets: SecretSource;
  readonly clock: ClockPort;
}

export class Backend implements ManagerBackend {
  readonly #options: BackendOptions;

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  status(): StatusResponse {
    const { self, clusterId, raft, rpc, state, observations } = this.#options;
    return statusResponse({
      manager: self,
      clusterId,
      raft: raft.status(),
      peers: rpc.peers(),
      state: state(),
      observations: observations(),
      verdicts: this.#verdicts(),
      nowMs: performance.now(),
    });
  }

  leader(): LeaderAnswer {
    const { self, raft, httpAddress } = this.#options;
    const { role, leader } = raft.status();
    const address = leader === null || leader === self ? null : httpAddress(leader);
    return {
      isLeader: role === 'leader',
      leader,
      leaderUrl: address === null ? null : `http://${formatHostPort(address)}`,
    };
  }

  primaryOf(name: string): PrimaryAnswer {
    const { raft, right, state } = this.#options;
    const cluster = state().clusters[name];
    if (cluster === undefined) return { kind: 'no-such-cluster' };
    if (!right.holds(raft.status().appliedIndex)) {
      return { kind: 'hidden', reason: 'this manager has not heard from a leader with a majority for 500 ms' };
    }
    if (cluster.hiddenSinceIndex !== null) {
      return { kind: 'hidden', reason: `${cluster.operation?.kind ?? 'an operation'} is changing the primary` };
    }
    const server = cluster.spec.servers.find((candidate) => candidate.name === cluster.primary);
    if (server === undefined) return { kind: 'hidden', reason: `${cluster.primary} is not declared any more` };
    return {
      kind: 'primary',
      primary: {
        cluster: name,
        primary: server.name,
        host: server.host,
        port: server.port,
        epoch: cluster.epoch,
      },
    };
  }

  operations(name: string | null): readonly OperationStatus[] {
    return operationsOf(this.#options.state(), name);
  }

  operation(id: string): OperationStatus | null {
    return operationById(this.#options.state(), id);
  }

  async apply(request: ApplyRequest): Promise<ApplyResponse> {
    return applyConfig(await this.#provenReign(), this.#options.secrets, request);
  }

  async switchover(cluster: string, request: SwitchoverRequest): Promise<SwitchoverResponse> {
    const id = operationId(`so-${request.requestId}`);
    const reign = await this.#provenReign();
    try {
      return await requestSwitchover(reign, cluster, id, request);
    } catch (thrown) {
      if (thrown instanceof ReignEnded) throw outcomeUnknown(thrown);
      throw thrown;
    }
  }

  managers(): ManagersResponse {
    const { self, clusterId, lineage, raft, rpc, state } = this.#options;
    const input = { manager: self, clusterId, raft: raft.status(), peers: rpc.peers() };
    return managersResponse(input, state().reducerVersion, lineage);
  }

  async addManager(request: AddManagerRequest): Promise<ManagerChangeResponse> {
    return addManager(await this.#changeParts(), request);
  }

  async removeManager(id: string, request: RemoveManagerRequest): Promise<ManagerChangeResponse> {
    return removeManager(await this.#changeParts(), managerId(id), request);
  }

  async transferLeadership(request: TransferRequest): Promise<ManagerChangeResponse> {
    return transferLeadership(await this.#changeParts(), request);
  }

  async #changeParts(): Promise<ManagersChangeParts> {
    await this.#provenReign();
    const { raft, clock } = this.#options;
    return { raft, clock, sight: () => this.#sight() };
  }

  #sight(): QuorumSight {
    const { self, raft, rpc, state } = this.#options;
    const { membership, peers, lastIndex, isDiskLow } = raft.status();
    const reachable = new Set(rpc.peers().filter((peer) => peer.reachable).map((peer) => peer.id));
    const progressOf = (id: ManagerId) => peers.find((peer) => peer.id === id);
    const { reducerVersion, clusters } = state();
    return {
      self,
      membership,
      counts: (id) => {
        if (id === self) return true;
        const progress = progressOf(id);
        return reachable.has(id) && progress?.recentlyActive === true && !progress.isStuck;
      },
      behind: (id) => {
        const match = id === self ? lastIndex : progressOf(id)?.match;
        return match === undefined ? null : lastIndex - match;
      },
      isDiskLow: (id) => (id === self ? isDiskLow : progressOf(id)?.isDiskLow === true),
      about: (id): About | null => rpc.abouts().get(id) ?? null,
      reducerVersion,
      operations: Object.values(clusters).flatMap(({ name, operation }) =>
        operation === null ? [] : [`${operation.kind} ${operation.id} of ${name}`]),
    };
  }

  /** Throws `not-leader` or `no-quorum`. After it the state is current. */
  async #provenReign(): Promise<Reign> {
    const { raft, reign } = this.#options;
    const current = reign();
    if (current !== null && (await current.ports.log.proveLeadership())) return current;
    const { leader } = raft.status();
    throw new HactlError({
      code: leader === null || current !== null ? 'no-quorum' : 'not-leader',
      what: 'this manager cannot prove that it leads',
      why: leader === null ? 'there is no leader now' : `the leader is ${leader}, as far as it knows`,
      next: 'try again in a few seconds; `hactl status` shows which managers are reachable',
    });
  }

  #verdicts(): ReadonlyMap<string, { readonly kind: string; readonly reason: string }> {
    const verdicts = new Map<string, { readonly kind: string; readonly reason: string }>();
    const reign = this.#options.reign();
    for (const name of Object.keys(this.#options.state().clusters)) {
      const verdict = reign?.supervisor(name)?.verdict ?? null;
      if (verdict !== null) verdicts.set(name, { kind: verdict.kind, reason: verdict.reason });
    }
    return verdicts;
  }
}

function outcomeUnknown(cause: ReignEnded): HactlError {
  return new HactlError(
    {
      code: 'unknown-outcome',
      what: 'it is not known whether the switchover was begun',
      why: cause.message,
      next: '`hactl history` tells; asking again with the same request id does not begin a second one',
    },
    { cause },
  );
}
