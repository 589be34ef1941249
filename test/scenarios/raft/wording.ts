/** One short line for each thing that a core says, so that a scenario can be read and compared. */
import type { EntryPayload, Membership, Message, Output, RaftView, StoredEntry } from '../../../src/raft/core/index.js';

const decoder = new TextDecoder();

/** Long commands, made to fill windows, are told by their size. */
export function payloadWords(payload: EntryPayload): string {
  if (payload.kind === 'no-op') return 'no-op';
  if (payload.kind === 'membership') return `members ${membershipWords(payload.membership)}`;
  return payload.command.length > 20 ? `${payload.command.length}B` : decoder.decode(payload.command);
}

/** Learners that will vote have a plus, the others a tilde. */
export function membershipWords({ voters, learners, removed }: Membership): string {
  const words = [
    ...voters.map(({ id, replaces }) => (replaces === null ? id : `${id}(for ${replaces})`)),
    ...learners.map(({ id, then }) => `${then === 'vote' ? '+' : '~'}${id}`),
    ...removed.map((id) => `-${id}`),
  ];
  return words.length === 0 ? 'none' : words.join(' ');
}

export function entryWords(entries: readonly StoredEntry[]): string {
  return entries.map((entry) => `${entry.index}@${entry.term} ${payloadWords(entry.payload)}`).join(', ');
}

export function messageWords(message: Message): string {
  switch (message.kind) {
    case 'pre-vote-request':
    case 'vote-request': {
      const isTransfer = message.kind === 'vote-request' && message.isTransfer;
      const last = `last=${message.lastIndex}@${message.lastTerm}`;
      return `${message.kind} t${message.term} ${last}${isTransfer ? ' (transfer)' : ''}`;
    }
    case 'pre-vote-response':
    case 'vote-response':
      return `${message.kind} t${message.term} ${message.granted ? 'granted' : 'refused'}`;
    case 'append-request': {
      const { term, prevIndex, prevTerm, commitIndex, readRound, entries } = message;
      const round = readRound === 0 ? '' : ` round=${readRound}`;
      return `append t${term} prev=${prevIndex}@${prevTerm} commit=${commitIndex}${round} [${entryWords(entries)}]`;
    }
    case 'append-response': {
      const round = (message.readRound === 0 ? '' : ` round=${message.readRound}`) + (message.isDiskLow ? ' low' : '');
      if (message.accepted) return `ack t${message.term} match=${message.matchIndex}${round}`;
      const { term, rejectedIndex, hintIndex, hintTerm } = message;
      return `nack t${term} prev=${rejectedIndex} hint=${hintIndex}@${hintTerm}${round}`;
    }
    case 'snapshot-chunk': {
      const { term, base, offset, bytes, totalBytes } = message;
      return `chunk t${term} of ${base.index}@${base.term} ${offset}..${offset + bytes.length}/${totalBytes}`;
    }
    case 'snapshot-answer':
      return `chunk-answer t${message.term} of ${message.index} next=${message.nextOffset}`;
    case 'timeout-now':
      return `timeout-now t${message.term}`;
  }
}

export function outputWords(output: Output): string {
  switch (output.kind) {
    case 'write': {
      const { hardState, truncateFrom, entries } = output;
      const words = [
        output.sync ? `write ${output.seq}:` : `write ${output.seq} (lazy):`,
        hardState === null
          ? ''
          : `term=${hardState.term} vote=${hardState.votedFor ?? '-'} commit=${hardState.commitIndex}`,
        output.snapshot === null ? '' : `snapshot=${output.snapshot.index}@${output.snapshot.term}`,
        output.replacesLog ? 'in place of the log' : '',
        output.compactTo === null ? '' : `compact=${output.compactTo}`,
        truncateFrom === null ? '' : `truncate=${truncateFrom}`,
        entries.length === 0 ? '' : `[${entryWords(entries)}]`,
      ];
      return words.filter((word) => word !== '').join(' ');
    }
    case 'send': {
      const wait = output.after === null ? '' : ` (after write ${output.after})`;
      return `to ${output.to}: ${messageWords(output.message)}${wait}`;
    }
    case 'apply':
      return `apply ${entryWords(output.entries)}`;
    case 'take-snapshot':
      return 'wants a snapshot';
    case 'restore':
      return `restore ${output.snapshot.index}@${output.snapshot.term}`;
    case 'membership-changed': {
      const { index, isCommitted, membership } = output;
      return `members since ${index}${isCommitted ? ' (committed)' : ''}: ${membershipWords(membership)}`;
    }
    case 'transfer-ended':
      return `transfer to ${output.target ?? '-'} ${output.outcome}: ${output.reason}`;
    case 'read-ready':
      return `read ${output.readId} ready at ${output.index}`;
    case 'read-failed':
      return `read ${output.readId} failed`;
    case 'proposal-accepted':
      return `proposal accepted at ${output.index}@${output.term}`;
    case 'proposal-dropped':
      return `proposal dropped: ${output.detail ?? output.reason}, leader ${output.leader ?? '-'}`;
    case 'role-changed':
      return `is ${output.role} t${output.term}, leader ${output.leader ?? '-'}`;
    case 'halt':
      return `HALT ${output.reason}`;
    case 'log': {
      const facts = Object.entries(output.facts).map(([key, value]) => `${key}=${value}`);
      return `log ${output.event} ${facts.join(' ')}`;
    }
  }
}

export function viewWords(view: RaftView): string {
  const { role, term, votedFor, leader, commitIndex, durableIndex, lastIndex, lastTerm } = view;
  const state = `${view.halted ? 'halted ' : ''}${role} t${term} vote=${votedFor ?? '-'} leader=${leader ?? '-'}`;
  return `${state} commit=${commitIndex} durable=${durableIndex} last=${lastIndex}@${lastTerm}`;
}
