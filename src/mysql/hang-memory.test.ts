import { describe, expect, it } from 'vitest';
import type { ProbeOutcome } from '../base/index.js';
import type { Phase } from './classify.js';
import { HangMemory } from './hang-memory.js';
import { limits } from './limits.js';

const hung: ProbeOutcome = { kind: 'hung', detail: 'x' };
const timeout: ProbeOutcome = { kind: 'timeout', detail: 'no TCP connection within 100 ms' };
const alive: ProbeOutcome = { kind: 'alive', reason: 'denied', detail: 'x' };
const unknown: ProbeOutcome = { kind: 'unknown', detail: 'x' };

const others: readonly ProbeOutcome[] = [alive, { kind: 'refused', detail: 'x' }, { kind: 'reset', detail: 'x' }];

/** Always a new session as soon as one is due: the pauses between them. */
function pauses(times: number, phase: Phase = 'established'): number[] {
  const memory = new HangMemory();
  let atMs = 0;
  return Array.from({ length: times }, () => {
    memory.learn(hung, phase, atMs, false);
    const waitMs = memory.waitMs(atMs);
    atMs += waitMs;
    return waitMs;
  });
}

describe('new sessions on a server that hangs', () => {
  it('come after pauses that double up to a bound', () => {
    expect(pauses(8)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    expect(pauses(3, 'authenticating')).toEqual([250, 500, 1000]);
  });

  it('need no pause where no thread of the server is at work for them', () => {
    expect(pauses(3, 'greeting')).toEqual([0, 0, 0]);
  });

  it.each(others)('are free again after an answer: $kind', (outcome) => {
    const memory = new HangMemory();
    for (let times = 0; times < 5; times += 1) memory.learn(hung, 'established', 0, true);
    memory.learn(outcome, null, 1, false);
    expect(memory.waitMs(1)).toBe(0);
    memory.learn(hung, 'established', 1, true);
    expect(memory.waitMs(1)).toBe(250);
    expect(memory.mayConfirm(1)).toBe(true);
  });

  it('are not free again after what is no answer', () => {
    const memory = new HangMemory();
    memory.learn(hung, 'established', 0, false);
    memory.learn(unknown, null, 0, false);
    memory.learn(timeout, 'connecting', 0, false);
    expect(memory.waitMs(0)).toBe(250);
  });

  it('are made by only a few confirming probes during the pause', () => {
    const memory = new HangMemory();
    memory.learn(hung, 'established', 0, false);
    let made = 0;
    while (memory.mayConfirm(1)) {
      made += 1;
      memory.learn(hung, 'established', 1, true);
    }
    expect(made).toBe(limits.confirmingHangsMax);
    expect(memory.hungUntil(1).kind).toBe('hung');
    expect(memory.mayConfirm(1 + limits.newSessionPauseMaxMs)).toBe(true);
  });
});

describe('a connection that times out', () => {
  it('is the same hang where a connection was accepted and not greeted before', () => {
    const memory = new HangMemory();
    expect(memory.read(timeout, 'connecting').kind).toBe('timeout');
    memory.learn(hung, 'greeting', 0, false);
    for (const outcome of [timeout, unknown, hung]) memory.learn(outcome, 'connecting', 1, true);
    expect(memory.read(timeout, 'connecting')).toEqual({
      kind: 'hung', detail: expect.stringContaining('no TCP connection within 100 ms, after connections'),
    });
  });

  it.each(others)('is a time-out again after an answer: $kind', (outcome) => {
    const memory = new HangMemory();
    memory.learn(hung, 'greeting', 0, false);
    memory.learn(outcome, null, 1, false);
    expect(memory.read(timeout, 'connecting').kind).toBe('timeout');
  });

  it('is a time-out where there is no route to the host, and from then on', () => {
    const memory = new HangMemory();
    memory.learn(hung, 'greeting', 0, false);
    expect(memory.read(timeout, null).kind).toBe('timeout');
    memory.learn(timeout, null, 1, false);
    expect(memory.read(timeout, 'connecting').kind).toBe('timeout');
  });
});
