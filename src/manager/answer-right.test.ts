import { beforeEach, describe, expect, it } from 'vitest';
import { logIndex, managerId } from '../base/index.js';
import { AnswerRight, rightMsFor } from './answer-right.js';

const m2 = managerId('m2');
const m3 = managerId('m3');
let nowMs = 0;
const newRight = (): AnswerRight => new AnswerRight({ rightMs: 500, nowMs: () => nowMs });

beforeEach(() => {
  nowMs = 10_000;
});

describe('a follower', () => {
  it('may answer for 500 ms from when it asked, not from when it heard', () => {
    const right = newRight();
    const seq = right.ask();
    nowMs += 400;
    right.granted(seq, logIndex(7));
    expect(right.holds(logIndex(7))).toBe(true);
    nowMs += 99;
    expect(right.holds(logIndex(7))).toBe(true);
    nowMs += 1;
    expect(right.holds(logIndex(7))).toBe(false);
  });

  it('gets nothing from an answer that sat in a socket for a minute', () => {
    const right = newRight();
    const seq = right.ask();
    nowMs += 60_000;
    right.granted(seq, logIndex(7));
    expect(right.holds(logIndex(7))).toBe(false);
  });

  it('gets nothing from an answer that comes twice, or to a question before the leader changed', () => {
    const right = newRight();
    const first = right.ask();
    right.forgetQuestions();
    right.granted(first, logIndex(7));
    expect(right.holds(logIndex(7))).toBe(false);
    const second = right.ask();
    right.granted(second, logIndex(7));
    nowMs += 499;
    right.granted(second, logIndex(7));
    nowMs += 1;
    expect(right.holds(logIndex(7))).toBe(false);
  });

  it('answers from no state that is older than what was committed when it was granted', () => {
    const right = newRight();
    right.granted(right.ask(), logIndex(7));
    expect(right.holds(logIndex(6))).toBe(false);
  });
});

describe('a leader', () => {
  it('waits for a manager until its right has run out, and no longer when it goes on asking', () => {
    const right = newRight();
    right.grant(m2, logIndex(5), true);
    nowMs += 100;
    expect(right.msUntilQuiet(6)).toBe(450);
    expect(right.msUntilQuiet(5)).toBe(0);
  });

  it('waits for nobody who has applied the entry, or was never granted a right', () => {
    const right = newRight();
    right.grant(m2, logIndex(5), true);
    right.grant(m2, logIndex(6), false);
    right.grant(m3, logIndex(5), false);
    expect(right.msUntilQuiet(6)).toBe(0);
  });

  it('counts everybody as granted by its predecessor when its reign begins', () => {
    const right = newRight();
    right.beginReign([m2, m3]);
    expect(right.msUntilQuiet(6)).toBe(1050);
    right.grant(m2, logIndex(6), true);
    right.grant(m3, logIndex(4), true);
    nowMs += 1000;
    expect(right.msUntilQuiet(6)).toBe(50);
  });

  it('answers by no right that it held as a follower', () => {
    const right = newRight();
    right.granted(right.ask(), logIndex(7));
    right.beginReign([m2, m3]);
    expect(right.holds(logIndex(7))).toBe(false);
    right.proved(nowMs, logIndex(8));
    expect(right.holds(logIndex(8))).toBe(true);
  });
});

describe('the length of a right', () => {
  it('is half an election timeout at most', () => {
    expect(rightMsFor(1000, 500)).toBe(500);
    expect(rightMsFor(400, 500)).toBe(200);
  });
});
