/** What the clients of a chaos run were told, and what the state machines made of it. */
import type { ManagerId } from '../../../src/base/index.js';
import { assert } from '../../../src/base/index.js';
import type { LogIndex } from '../../../src/base/index.js';
import { SessionedStateMachine } from '../../../src/raft/sessions.js';
import type { MachineData } from '../../../src/raft/sessions.js';
import type { Output, Snapshot, StoredEntry } from '../../../src/raft/core/index.js';

const decoder = new TextDecoder();

/** Runs commands, each of which names its session: no session may run twice. */
class Machine {
  ran: string[] = [];
  readonly sessioned: SessionedStateMachine;

  constructor() {
    this.sessioned = new SessionedStateMachine({
      apply: ({ command }) => this.ran.push(decoder.decode(command)),
      snapshot: () => this.ran.join(' '),
      restore: (text) => {
        this.ran = String(text).split(' ').filter((word) => word !== '');
      },
    });
  }
}

export class ChaosLedger {
  readonly #machines = new Map<ManagerId, Machine>();
  /** Text of the commands up to an index, and the machine with its sessions there. */
  readonly #states = new Map<number, MachineData>();
  readonly #committed: StoredEntry[] = [];
  readonly #dropped = new Set<string>();
  /** By proposal: its text. */
  readonly #proposed = new Map<number, string>();
  /** Accepted, and not yet known to be done or lost; by index. */
  readonly #waiting = new Map<number, { readonly term: number; readonly by: ManagerId }>();
  snapshots = 0;
  restored = 0;

  restarted(id: ManagerId, snapshot: Snapshot | null): void {
    const machine = new Machine();
    const state = this.#states.get(snapshot?.index ?? 0);
    if (state !== undefined) machine.sessioned.restore(structuredClone(state));
    this.#machines.set(id, machine);
    for (const [index, { by }] of this.#waiting) if (by === id) this.#waiting.delete(index);
  }

  proposes(proposalId: number, text: string): void {
    this.#proposed.set(proposalId, text);
  }

  /** Gives back the proposals that are done with this output. */
  observed(id: ManagerId, output: Output): readonly { readonly index: number; readonly term: number }[] {
    if (output.kind === 'proposal-dropped') this.#dropped.add(this.#proposed.get(output.proposalId) ?? '');
    if (output.kind === 'proposal-accepted') this.#waiting.set(output.index, { term: output.term, by: id });
    if (output.kind === 'write' && output.snapshot !== null) this.#holds(output.snapshot);
    if (output.kind === 'write' && output.snapshot !== null && !output.replacesLog) this.snapshots += 1;
    if (output.kind === 'restore') this.#restores(id, output.snapshot);
    return output.kind === 'apply' ? output.entries.flatMap((entry) => this.#applied(id, entry)) : [];
  }

  #restores(id: ManagerId, snapshot: Snapshot): void {
    this.restored += 1;
    this.restarted(id, snapshot);
  }

  /** What a snapshot holds is what all the committed entries up to it make. */
  #holds({ index, data }: Snapshot): void {
    assert(index <= this.#committed.length, `a snapshot of ${index}, which nobody has applied`);
    const made = this.#committed.slice(0, index).flatMap(({ payload }) =>
      payload.kind === 'command' ? [decoder.decode(payload.command)] : [],
    );
    assert(made.join(' ') === decoder.decode(data), `equal snapshots: the one of ${index} is another state`);
  }

  #applied(id: ManagerId, entry: StoredEntry): readonly { readonly index: number; readonly term: number }[] {
    const { index, term, timeMs, payload } = entry;
    this.#committed[index - 1] ??= entry;
    const machine = this.#machines.get(id);
    if (payload.kind === 'command' && machine !== undefined) {
      const text = decoder.decode(payload.command);
      assert(!this.#dropped.has(text), `dropped: ${text} was refused for good, and is entry ${index}`);
      const before = machine.ran.length;
      machine.sessioned.apply({ index: index as LogIndex, term, timeMs, command: payload.command }, payload.session);
      const isNew = machine.ran.length > before;
      const sameSession = machine.ran.filter((one) => sessionOf(one) === sessionOf(text));
      assert(!isNew || sameSession.length === 1, `once: ${sameSession.join(' and ')} ran, one is a retry of the other`);
    }
    this.#keepState(index, machine);
    const waiting = this.#waiting.get(index);
    if (waiting?.by !== id) return [];
    this.#waiting.delete(index);
    return waiting.term === term ? [{ index, term }] : [];
  }

  #keepState(index: number, machine: Machine | undefined): void {
    if (machine !== undefined && !this.#states.has(index)) this.#states.set(index, machine.sessioned.snapshot());
  }
}

/** A command is 'attempt:session'. */
function sessionOf(text: string): string {
  return text.split(':')[1] ?? '';
}
