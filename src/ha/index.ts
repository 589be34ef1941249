/** The public face of `ha`: what the composition root, the HTTP views and the simulator use. */
export { choosePrimary, findErrant } from './candidate.js';
export type { CandidatePolicy, ClusterSpec, SecretRef, ServerSpec } from './cluster-spec.js';
export type { Command, CommandResult } from './commands.js';
export { findFirstPrimary } from './first-primary.js';
export { limits } from './limits.js';
export { awayFrom, membersOf } from './members.js';
export type { Observation, ReceivedObservation } from './observation.js';
export { ObservationTable } from './observation-table.js';
export type {
  ActionSession,
  ClockPort,
  EndpointsPort,
  Fence,
  HaEvent,
  HaPorts,
  LogOutcome,
  LogPort,
  QuorumPort,
  ServersPort,
  SourceSpec,
} from './ports.js';
export { reduce } from './reducer.js';
export { commandVersion, raiseTo, reducerMax, whyNotYet } from './reducer-version.js';
export { ReignEnded } from './session-pool.js';
export { emptyState, failoverSteps, stepsOf, switchoverSteps } from './state.js';
export type { ClusterState, HaState, JournalEntry, Operation, OperationKind, StepName } from './state.js';
export { phasesMs } from './steps/index.js';
export { Supervisor } from './supervisor.js';
export { lookAtAll, planSwitchover } from './switchover-plan.js';
export type { ServerLook, SwitchoverPlan } from './switchover-plan.js';
export type { Verdict, VerdictKind } from './verdict.js';
