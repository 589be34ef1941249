import { describe, expect, it } from 'vitest';
import { commitTable, leaderTable, table, withEnds } from './report.js';
import { rssMibOf } from './restart.js';

const spread = (median: number) => ({ median, min: median / 2, max: median * 2 });
const load = (median: number) => {
  return { perSecond: spread(1000 / median), p50Ms: spread(median), p99Ms: spread(3 * median) };
};

describe('the tables', () => {
  it('align: text to the left, numbers to the right, no blanks at the end', () => {
    expect(table([['a', 'bb', ''], ['ccc', '1', '22']])).toBe('a    bb\nccc   1  22');
  });

  it('show the median with both ends', () => {
    expect(withEnds({ median: 0.8123, min: 0.79, max: 12.345 })).toBe('0.812 (0.79-12.3)');
  });

  it('name both systems, and how they compare', () => {
    const lines = commitTable([{
      inFlight: 16, hactl: load(2), etcd: load(1), hactlInside: load(1.5), etcdServerMeanMs: spread(0.5), p50Ratio: 2,
    }]).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[1]).toMatch(/^16 +hactl +500 \(250-1000\) +2 \(1-4\) +6 \(3-12\) +2x$/);
    expect(lines[2]).toMatch(/^ +etcd +1000 \(500-2000\) /);
  });

  it('show every column of the changes of leader', () => {
    const result = { kills: 20, ms: { median: 1300, min: 1100, max: 1900.4 }, eachMs: [] };
    expect(leaderTable(result, result).split('\n')[2]).toMatch(/^etcd +20 +1300 +1100 +1900$/);
  });
});

describe('rssMibOf', () => {
  it('reads what the kernel prints', () => {
    expect(rssMibOf('VmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nRssAnon:\t 1 kB\n')).toBe(100);
    expect(rssMibOf('')).toBeNaN();
  });
});
