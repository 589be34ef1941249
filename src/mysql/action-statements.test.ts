import { describe, expect, it } from 'vitest';
import { ActionError } from '../base/index.js';
import { actionError, unless } from './action-statements.js';
import { SqlFailure, type FailureKind } from './classify.js';
import { BadRow } from './row.js';

const failure = (kind: FailureKind, errno: number | null, isSent: boolean): SqlFailure =>
  new SqlFailure({ kind, reason: kind, detail: 'it said so', errno, isSent });

describe('actionError', () => {
  it.each([
    ['an error packet', failure('alive', 1205, true), 'rejected', 1205],
    ['an error packet at login', failure('alive', 1040, false), 'rejected', 1040],
    ['an interrupted statement', failure('alive', 1317, true), 'unknown', 1317],
    ['a refused connection', failure('refused', null, false), 'unreachable', null],
    ['a statement on a dead session', failure('reset', null, false), 'unreachable', null],
    ['a connection lost after sending', failure('reset', null, true), 'unknown', null],
    ['silence after sending', failure('hung', null, true), 'unknown', null],
  ] as const)('%s', (_name, given, wanted, errno) => {
    const error = actionError(given, 'db1', 'promote');
    expect(error).toMatchObject({ failure: wanted, serverErrno: errno });
    expect(error.message).toMatch(/^db1: .*promote: it said so$/);
  });

  it('is `rejected` for an answer that cannot be read', () => {
    const error = actionError(new BadRow('gtid_executed', 'GTID set', '0-1-5'), 'db1', 'look');
    expect(error).toMatchObject({ failure: 'rejected', serverErrno: null });
    expect(error.message)
      .toBe("db1: cannot look: the server's answer has no GTID set in column gtid_executed, but 0-1-5");
  });

  it('lets a bug through', () => {
    expect(() => actionError(new TypeError('bug'), 'db1', 'x')).toThrow(TypeError);
  });
});

describe('unless', () => {
  it('swallows the named numbers and no other', async () => {
    const rejected = (serverErrno: number): Promise<never> =>
      Promise.reject(new ActionError('rejected', 'x', { serverErrno }));
    await expect(unless([1094], Promise.resolve())).resolves.toBe(true);
    await expect(unless([1094], rejected(1094))).resolves.toBe(false);
    await expect(unless([1094], rejected(1095))).rejects.toThrow(ActionError);
  });
});
