/** What this build must not guess at: an entry or a snapshot of managers that have agreed on a newer version. */
import { describe, expect, it } from 'vitest';
import { logIndex, messageWithNext, term } from '../base/index.js';
import { emptyState, reducerMax } from '../ha/index.js';
import type { Command } from '../ha/index.js';
import { encodeCommand } from './command-codec.js';
import { HaMachine } from './ha-machine.js';

const newer = reducerMax + 1;
const raise = (to: number): Command => ({ kind: 'reducer-version-raised', to });
const entry = (command: Command) => (
  { index: logIndex(1), term: term(1), timeMs: 1, command: encodeCommand(command) }
);

describe('the state machine', () => {
  it('stops at the very entry that goes to a version which it does not know, and says what to do', () => {
    const machine = new HaMachine();
    const before = machine.state;
    let thrown: unknown = null;
    try {
      machine.apply(entry(raise(newer)));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'newer-version', exitCode: 3 });
    expect(messageWithNext(thrown)).toBe(
      'this build of hactl is older than what the managers have agreed on: the log holds an entry of version '
        + `${newer}, and this build understands up to version ${reducerMax}. Next: start this manager with the build `
        + 'of the others; going back to an older one is not possible',
    );
    expect(machine.state).toBe(before);
  });

  it('takes the entry that goes to a version which it knows', () => {
    expect(new HaMachine().apply(entry(raise(reducerMax)))).toMatchObject({ ok: false });
  });

  it('does not restore the snapshot of a newer version, nor one of another format', () => {
    const state = { ...emptyState, reducerVersion: newer };
    const newerVersion = expect.objectContaining({ code: 'newer-version' }) as Error;
    expect(() => new HaMachine().restore({ formatVersion: 1, state })).toThrow(newerVersion);
    expect(() => new HaMachine().restore({ formatVersion: 2, state: emptyState })).toThrow(newerVersion);
  });
});
