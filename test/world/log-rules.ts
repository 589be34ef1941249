/**
 * What the log may say of operations, whatever leaders propose: looked at from outside of the reducer, entry by entry,
 * against the state before.
 */
import type { ClusterName } from '../../src/base/index.js';
import type { ClusterState, Command, Operation } from '../../src/ha/index.js';
import type { CommittedLog } from './invariants.js';
import type { LoggedEntry } from './replicated-log.js';

export interface LogRulesOptions {
  readonly cluster: ClusterName;
  readonly log: CommittedLog;
  readonly note: (sentence: string) => void;
}

export class LogRules {
  readonly #options: LogRulesOptions;
  #before: ClusterState | undefined;

  constructor(options: LogRulesOptions) {
    this.#options = options;
    this.#before = options.log.state.clusters[options.cluster];
    options.log.onCommit((entry) => this.#committed(entry));
  }

  #committed({ command, result, state }: LoggedEntry): void {
    const before = this.#before;
    const after = state.clusters[this.#options.cluster];
    this.#before = after;
    if (!result.ok || before === undefined || after === undefined) return;
    for (const fault of faultsOf(command, before, after)) this.#options.note(fault);
  }
}

function faultsOf(command: Command, before: ClusterState, after: ClusterState): readonly string[] {
  const [was, is] = [before.operation, after.operation];
  const faults: string[] = [];
  if (after.epoch < before.epoch) faults.push(`epochs: ${after.name} went back from ${before.epoch} to ${after.epoch}`);
  // A request that comes again after its operation has ended begins nothing, whatever runs by then.
  const hasBegun = command.kind === 'operation-started' && is?.id === command.operation;
  if (hasBegun && was !== null && was.id !== command.operation) {
    faults.push(`one operation: ${command.operation} began while ${was.id} was running`);
  }
  if (command.kind === 'operation-taken-over' && was !== null && is !== null && is.epoch <= was.epoch) {
    faults.push(`epochs: ${is.id} was taken over at epoch ${is.epoch}, and had ${was.epoch} before`);
  }
  if ('epoch' in command && was?.epoch !== command.epoch) {
    faults.push(`epochs: ${command.kind} was taken at epoch ${command.epoch}, and ${String(was?.epoch)} was in force`);
  }
  if (was !== null && is !== null && was.id === is.id) faults.push(...faultsOfStep(command, was, is));
  if (command.kind === 'step-started' && hides(command.step) && after.hiddenSinceIndex === null) {
    faults.push(`endpoints: ${command.step} began, and they may go on naming ${before.primary}`);
  }
  if (before.primary !== after.primary && command.kind !== 'primary-changed') {
    faults.push(`published: ${after.primary} became the primary by ${command.kind}`);
  }
  return faults;
}

function hides(step: string): boolean {
  return step === 'fence' || step === 'pause-writes';
}

function faultsOfStep(command: Command, was: Operation, is: Operation): readonly string[] {
  const faults: string[] = [];
  if (was.pastNoReturn && is.newPrimary !== was.newPrimary) {
    faults.push(`no return: the plan went from ${String(was.newPrimary)} to ${String(is.newPrimary)}`);
  }
  const goesBack = command.kind === 'operation-rewound' || command.kind === 'rollback-started';
  if (was.pastNoReturn && goesBack) faults.push(`no return: ${command.kind} after it`);
  if (command.kind === 'step-finished') {
    const last = was.journal.at(-1);
    const isItsOwn = last?.step === command.step && last.finishedAtMs === null;
    if (!isItsOwn) faults.push(`intent: ${command.step} ended and had not begun`);
  }
  return faults;
}
