/** The typed entries of the Raft log. Plain data; a rejected command leaves the state as it was. */
import type { ClusterName, Epoch, ManagerId, OperationId, ServerName } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import type { FormerServers, OperationKind, OperationOutcome, StepName, StepResult } from './state.js';

/** Fields of everything said about a running operation: a lower epoch than the operation's is rejected. */
interface OnOperation {
  readonly cluster: ClusterName;
  readonly operation: OperationId;
  readonly epoch: Epoch;
  readonly by: ManagerId;
}

export type Command =
  /** All voters understand this version (reducer-version.ts). Never goes back. */
  | { readonly kind: 'reducer-version-raised'; readonly to: number }
  | {
      readonly kind: 'config-applied';
      /** The whole declaration: a cluster that is not named any more is forgotten. */
      readonly clusters: Readonly<Record<string, ClusterSpec>>;
      /** The recorded primary of each cluster that is new. */
      readonly primaries: Readonly<Record<string, ServerName>>;
      /** The version this was checked against: another apply in between rejects it. */
      readonly basedOnVersion: number;
    }
  | {
      readonly kind: 'operation-started';
      readonly operationKind: OperationKind;
      readonly cluster: ClusterName;
      readonly operation: OperationId;
      readonly by: ManagerId;
      /** The primary that this was decided about: another one by now rejects it. */
      readonly oldPrimary: ServerName;
      readonly requestedTarget: ServerName | null;
      readonly summary: string;
    }
  | ({
      readonly kind: 'operation-taken-over';
      readonly fromEpoch: Epoch;
      /** An epoch that a server was seen to know (of managers that were made anew, say): the new one goes above it. */
      readonly aboveEpoch: number;
    } & Omit<OnOperation, 'epoch'>)
  | ({ readonly kind: 'step-started'; readonly step: StepName; readonly newPrimary: ServerName | null } & OnOperation)
  | ({
      readonly kind: 'step-finished';
      readonly step: StepName;
      readonly result: StepResult;
      readonly summary: string;
      /** Set by `choose` (and `check`): the plan. */
      readonly newPrimary: ServerName | null;
    } & OnOperation)
  /** Goes back to an earlier step, before the point of no return only. */
  | ({ readonly kind: 'operation-rewound'; readonly to: StepName; readonly reason: string } & OnOperation)
  | ({ readonly kind: 'operation-blocked'; readonly reason: string } & OnOperation)
  | ({ readonly kind: 'rollback-started'; readonly reason: string } & OnOperation)
  | ({ readonly kind: 'primary-changed'; readonly primary: ServerName } & OnOperation)
  | ({
      readonly kind: 'operation-finished';
      readonly outcome: OperationOutcome;
      /** Servers that a rollback could not restore, as they were before; null: none. */
      readonly unrestored: FormerServers | null;
      readonly summary: string;
    } & OnOperation);

export type CommandResult =
  | { readonly ok: true }
  /** Not done: `reason` is a sentence. */
  | { readonly ok: false; readonly reason: string };
