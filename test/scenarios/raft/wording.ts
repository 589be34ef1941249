/** One short line for each thing that a core says, so that a scenario can be read and compared. */
import type { EntryPayload, Message, Output, RaftView, StoredEntry } from '../../../src/raft/core/index.js';

const decoder = new TextDecoder();

/** Long commands, made to fill windows, are told by their size. */
export function payloadWords(payload: EntryPayload): string {
  if (payload.kind === 'no-op') return 'no-op';
  return payload.command.length > 20 ? `${payload.command.length}B` : decoder.decode(payload.command);
}

export function entryWords(entries: readonly StoredEntry[]): string {
  return entries.map((entry) => `${entry.index}@${entry.term} ${payloadWords(entry.payload)}`).join(', ');
}

export function messageWords(message: Message): string {
  switch (message.kind) {
    case 'pre-vote-request':
    case 'vote-request':
      return `${message.kind} t${message.term} last=${message.lastIndex}@${message.lastTerm}`;
    case 'pre-vote-response':
    case 'vote-response':
      return `${message.kind} t${message.term} ${message.granted ? 'granted' : 'refused'}`;
    case 'append-request': {
      const { term, prevIndex, prevTerm, commitIndex, readRound, entries } = message;
      const round = readRound === 0 ? '' : ` round=${readRound}`;
      return `append t${term} prev=${prevIndex}@${prevTerm} commit=${commitIndex}${round} [${entryWords(entries)}]`;
    }
    case 'append-response': {
      const round = message.readRound === 0 ? '' : ` round=${message.readRound}`;
      if (message.accepted) return `ack t${message.term} match=${message.matchIndex}${round}`;
      const { term, rejectedIndex, hintIndex, hintTerm } = message;
      return `nack t${term} prev=${rejectedIndex} hint=${hintIndex}@${hintTerm}${round}`;
    }
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
    case 'read-ready':
      return `read ${output.readId} ready at ${output.index}`;
    case 'read-failed':
      return `read ${output.readId} failed`;
    case 'proposal-accepted':
      return `proposal accepted at ${output.index}@${output.term}`;
    case 'proposal-dropped':
      return `proposal dropped: ${output.reason}, leader ${output.leader ?? '-'}`;
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
