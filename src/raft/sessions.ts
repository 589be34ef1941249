/**
 * Runs a retried command once (Raft thesis 6.3): remembers, per session, the last serial and its answer. The table is
 * replicated state: what it does depends on nothing but the entries, and which session is forgotten first does too.
 * A session that was forgotten is new again, so a retry after more than `sessionsMax` other sessions were used would
 * run twice; a client must not retry for that long.
 */
import type { LogIndex } from '../base/index.js';
import { logIndex } from '../base/index.js';
import { decodeRecord } from './codec.js';
import type { AppliedEntry, ProposalSession, StateMachine } from './types.js';

export const sessionsMax = 1024;

/** The answer to a serial below the session's last one: its own answer is no longer kept, and it did not run again. */
export interface StaleSerial {
  readonly kind: 'stale-serial';
  readonly lastSerial: number;
}

export function isStaleSerial(result: unknown): result is StaleSerial {
  return typeof result === 'object' && result !== null && (result as { kind?: unknown }).kind === 'stale-serial';
}

interface SessionRecord {
  readonly serial: number;
  readonly usedAtIndex: LogIndex;
  readonly answer: unknown;
}

/** The table as plain data, least recently used first. */
export interface SessionsData {
  readonly sessions: readonly {
    readonly id: string;
    readonly serial: number;
    readonly usedAtIndex: number;
    readonly answer: unknown;
  }[];
}

export interface MachineData extends SessionsData {
  readonly state: unknown;
}

/** The content of a snapshot. Throws on bytes that are none. */
export function decodeMachineData(data: Uint8Array): MachineData {
  return decodeRecord(data) as MachineData;
}

export class SessionedStateMachine {
  readonly #inner: StateMachine;
  /** In order of last use: a Map keeps the order of insertion, and each use inserts anew. */
  readonly #sessions = new Map<string, SessionRecord>();

  constructor(inner: StateMachine) {
    this.#inner = inner;
  }

  apply(entry: AppliedEntry, session: ProposalSession): unknown {
    const known = this.#sessions.get(session.id);
    if (known !== undefined && session.serial < known.serial) {
      const stale: StaleSerial = { kind: 'stale-serial', lastSerial: known.serial };
      return stale;
    }
    const isRetry = known !== undefined && session.serial === known.serial;
    const answer = isRetry ? known.answer : this.#inner.apply(entry);
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, { serial: session.serial, usedAtIndex: entry.index, answer });
    if (this.#sessions.size > sessionsMax) this.#forgetOldest();
    return answer;
  }

  toData(): SessionsData {
    return { sessions: [...this.#sessions].map(([id, record]) => ({ id, ...record })) };
  }

  /** The table and the state behind it. */
  snapshot(): MachineData {
    return { ...this.toData(), state: this.#inner.snapshot() };
  }

  restore(data: MachineData): void {
    this.#sessions.clear();
    for (const { id, serial, usedAtIndex, answer } of data.sessions) {
      this.#sessions.set(id, { serial, usedAtIndex: logIndex(usedAtIndex), answer });
    }
    this.#inner.restore(data.state);
  }

  #forgetOldest(): void {
    for (const id of this.#sessions.keys()) {
      this.#sessions.delete(id);
      return;
    }
  }
}
