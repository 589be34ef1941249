/**
 * The replicated state of a simulated manager: the real one, and beside it a ledger of what the log's own clients did,
 * so that "once, in order, never lost" can be checked.
 */
import { HaMachine } from '../../src/manager/ha-machine.js';
import type { AppliedEntry, StateMachine } from '../../src/raft/index.js';

/** No command of msgpack begins with this byte. */
const ledgerMark = 0xc1;

/** `padBytes`: so much longer than it must be. */
export function ledgerCommand(number: number, padBytes = 0): Uint8Array {
  const bytes = new Uint8Array(5 + padBytes);
  bytes[0] = ledgerMark;
  new DataView(bytes.buffer).setUint32(1, number);
  return bytes;
}

export class SimMachine implements StateMachine {
  readonly ha = new HaMachine();
  /** Numbers, in the order of the log. */
  ledger: readonly number[] = [];
  readonly #onApplied: (entry: AppliedEntry, result: unknown) => void;

  constructor(onApplied: (entry: AppliedEntry, result: unknown) => void) {
    this.#onApplied = onApplied;
  }

  apply(entry: AppliedEntry): unknown {
    const result = this.#applied(entry);
    this.#onApplied(entry, result);
    return result;
  }

  snapshot(): unknown {
    return { ha: this.ha.snapshot(), ledger: this.ledger };
  }

  restore(data: unknown): void {
    const { ha, ledger } = data as { ha: unknown; ledger: readonly number[] };
    this.ha.restore(ha);
    this.ledger = ledger;
  }

  #applied(entry: AppliedEntry): unknown {
    const { command } = entry;
    if (command[0] !== ledgerMark) return this.ha.apply(entry);
    const number = new DataView(command.buffer, command.byteOffset).getUint32(1);
    this.ledger = [...this.ledger, number];
    return number;
  }
}
