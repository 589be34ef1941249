/** Entries of the log as a person reads them, one sentence each. */
import { errorMessage } from '../base/index.js';
import type { Command, HaState } from '../ha/index.js';
import type { EntryPayload, Membership } from '../raft/index.js';
import { decodeCommand } from './command-codec.js';

export interface EntryWords {
  readonly words: string;
  /** Null: nothing, or not readable. */
  readonly content: unknown;
}

export function entryWords(payload: EntryPayload): EntryWords {
  switch (payload.kind) {
    case 'no-op':
      return { words: 'a leader opens its term', content: null };
    case 'membership':
      return { words: membershipWords(payload.membership), content: payload.membership };
    case 'command': {
      try {
        const command = decodeCommand(payload.command);
        return { words: commandWords(command), content: command };
      } catch (thrown) {
        const bytes = payload.command.length;
        return { words: `${bytes} bytes that this build cannot read: ${errorMessage(thrown)}`, content: null };
      }
    }
  }
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(' '));
const idsOf = (members: readonly { readonly id: string }[]): string => listed(members.map(({ id }) => id));

export function membershipWords({ voters, learners, removed }: Membership): string {
  const rest = [
    learners.length === 0 ? '' : `, learners ${idsOf(learners)}`,
    removed.length === 0 ? '' : `, removed ${listed(removed)}`,
  ];
  return `voters ${idsOf(voters)}${rest.join('')}`;
}

export function commandWords(command: Command): string {
  switch (command.kind) {
    case 'reducer-version-raised':
      return `${command.kind}: to ${command.to}`;
    case 'config-applied': {
      const primaries = Object.entries(command.primaries).map(([cluster, primary]) => `${cluster}=${primary}`);
      const fresh = primaries.length === 0 ? '' : `, new with primary ${listed(primaries)}`;
      return `${command.kind}: clusters ${listed(Object.keys(command.clusters))}${fresh}`;
    }
    case 'operation-started':
      return about(command, `${command.operationKind} away from ${command.oldPrimary}: ${command.summary}`);
    case 'operation-taken-over':
      return about(command, `from epoch ${command.fromEpoch}`);
    case 'step-started':
      return about(command, planned(command.step, command.newPrimary));
    case 'step-finished':
      return about(command, `${planned(command.step, command.newPrimary)}: ${command.summary}`);
    case 'operation-rewound':
      return about(command, `to ${command.to}: ${command.reason}`);
    case 'operation-blocked':
    case 'rollback-started':
      return about(command, command.reason);
    case 'primary-changed':
      return about(command, `it is ${command.primary}`);
    case 'operation-finished':
      return about(command, `${command.outcome}: ${command.summary}`);
    default:
      // Of a newer build, which says so by its version; whatever else it is, it is shown.
      return JSON.stringify(command);
  }
}

const planned = (step: string, primary: string | null): string => (primary === null ? step : `${step} (${primary})`);

function about(
  command: Extract<Command, { readonly operation: unknown }>,
  rest: string,
): string {
  const epoch = 'epoch' in command ? ` at epoch ${command.epoch}` : '';
  return `${command.kind}: ${command.cluster} ${command.operation}${epoch} by ${command.by}: ${rest}`;
}

/** What a snapshot holds, a line for each cluster. */
export function stateWords(state: HaState): readonly string[] {
  const clusters = Object.values(state.clusters).map(({ name, primary, epoch, operation, history }) => {
    const running = operation === null ? 'no operation' : `${operation.kind} ${operation.id} ${operation.phase}`;
    return `${name}: primary ${primary}, epoch ${epoch}, ${running}, ${history.length} operations in its history`;
  });
  return clusters.length === 0 ? ['no cluster'] : clusters;
}
