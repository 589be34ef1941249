import { describe, expect, it } from 'vitest';
import { percentile, short, spreadOf } from './numbers.js';

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);

  it('is a value that was measured, by nearest rank', () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([3, 1, 2], 0.5)).toBe(2);
  });

  it('sorts by value and not by text', () => {
    expect(percentile([9, 10, 100], 0.5)).toBe(10);
  });

  it('refuses to speak of nothing', () => {
    expect(() => percentile([], 0.5)).toThrow('no values');
    expect(() => spreadOf([])).toThrow('no values');
  });
});

describe('spreadOf', () => {
  it('gives the middle, or the mean of the middle two, and both ends', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
    expect(spreadOf([4, 1, 2, 10])).toEqual({ median: 3, min: 1, max: 10 });
  });
});

describe('short', () => {
  it.each([[0.31234, '0.312'], [1.2849, '1.28'], [14.32, '14.3'], [99.96, '100'], [5120.4, '5120'], [NaN, '-']])(
    '%d is %s', (value, text) => expect(short(value)).toBe(text),
  );
});
