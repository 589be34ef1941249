import { describe, expect, it } from 'vitest';
import { benchParts, parseBenchOptions } from './options.js';

describe('the options of the benchmark', () => {
  it('are all of it, in a folder of its own, by default', () => {
    expect(parseBenchOptions([])).toEqual({ isQuick: false, isJson: false, directory: null, parts: benchParts });
  });

  it('are what was typed', () => {
    const typed = ['--quick', '--json', '--dir', 'x', '--only', 'restart', '--only', 'commit'];
    expect(parseBenchOptions(typed)).toEqual({
      isQuick: true, isJson: true, directory: 'x', parts: ['restart', 'commit'],
    });
    expect(parseBenchOptions(['--help'])).toBeNull();
  });

  it.each([[['--only', 'x']], [['--fast']], [['x']]])('refuses %s and says what there is', (args) => {
    expect(() => parseBenchOptions(args)).toThrow('usage: npm run bench:raft');
  });
});
