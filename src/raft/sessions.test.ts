import { describe, expect, it } from 'vitest';
import { logIndex, term } from '../base/index.js';
import { SessionedStateMachine, sessionsMax, type MachineData } from './sessions.js';
import type { AppliedEntry } from './types.js';

function counting() {
  const runs: string[] = [];
  const apply = (entry: AppliedEntry): unknown => {
    runs.push(new TextDecoder().decode(entry.command));
    return { run: runs.length };
  };
  const restore = (data: unknown): void => {
    runs.splice(0, Infinity, ...(data as string[]));
  };
  return { runs, inner: { apply, snapshot: () => [...runs], restore } };
}

let lastIndex = 0;
function entry(text: string): AppliedEntry {
  lastIndex += 1;
  return { index: logIndex(lastIndex), term: term(1), timeMs: 0, command: new TextEncoder().encode(text) };
}

describe('sessions', () => {
  it('run a repeated serial once and give its first answer again', () => {
    const { runs, inner } = counting();
    const machine = new SessionedStateMachine(inner);
    expect(machine.apply(entry('a'), { id: 's', serial: 1 })).toEqual({ run: 1 });
    expect(machine.apply(entry('a'), { id: 's', serial: 1 })).toEqual({ run: 1 });
    expect(machine.apply(entry('b'), { id: 's', serial: 2 })).toEqual({ run: 2 });
    expect(machine.apply(entry('b'), { id: 'other', serial: 1 })).toEqual({ run: 3 });
    expect(runs).toEqual(['a', 'b', 'b']);
  });

  it('answer an older serial as stale without running it', () => {
    const { runs, inner } = counting();
    const machine = new SessionedStateMachine(inner);
    machine.apply(entry('b'), { id: 's', serial: 5 });
    expect(machine.apply(entry('a'), { id: 's', serial: 4 })).toEqual({ kind: 'stale-serial', lastSerial: 5 });
    expect(runs).toEqual(['b']);
  });

  it('forget the least recently used session first, and no more than needed', () => {
    const { inner, runs } = counting();
    const machine = new SessionedStateMachine(inner);
    for (let n = 0; n < sessionsMax; n += 1) machine.apply(entry(`${n}`), { id: `s${n}`, serial: 1 });
    machine.apply(entry('0 again'), { id: 's0', serial: 1 });
    machine.apply(entry('one more'), { id: 'new', serial: 1 });
    const ids = machine.toData().sessions.map(({ id }) => id);
    expect(ids).toHaveLength(sessionsMax);
    expect(ids).not.toContain('s1');
    expect(ids.slice(-2)).toEqual(['s0', 'new']);
    expect(runs).not.toContain('0 again');
  });

  it('survive as plain data', () => {
    const { inner, runs } = counting();
    const machine = new SessionedStateMachine(inner);
    machine.apply(entry('a'), { id: 's', serial: 1 });
    const other = counting();
    const copy = new SessionedStateMachine(other.inner);
    copy.apply(entry('forgotten'), { id: 'old', serial: 1 });
    copy.restore(JSON.parse(JSON.stringify(machine.snapshot())) as MachineData);
    expect(copy.apply(entry('a'), { id: 's', serial: 1 })).toEqual({ run: 1 });
    expect(other.runs).toEqual(runs);
    expect(copy.toData().sessions.map(({ id }) => id)).toEqual(['s']);
  });
});
