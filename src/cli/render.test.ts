import { describe, expect, it } from 'vitest';
import { renderError } from './render-error.js';
import { renderHistory, renderOperation } from './render-operation.js';
import { renderStatus } from './render-status.js';
import { ago, exactSpan } from './spans.js';
import { paintFor } from './terminal.js';
import { testManager, testNowMs, testOperation, testServer, testStatus, testStep } from './test-parts.js';

const plain = (_style: unknown, text: string): string => text;

describe('hactl status', () => {
  it('reads at a glance when all is well', () => {
    expect(renderStatus(testStatus(), testNowMs, plain)).toBe(
      `
managers  m1 leader (term 7)   m2 follower 0.4ms   m3 follower 0.5ms        quorum 3/3
app1      healthy · async · last failover 3d ago
  db1     10.91.0.1:3306  primary  9.7.4  rw        lag -
  ├─ db2  10.91.0.2:3306  replica  9.7.4  ro  sync  lag 0.0s  candidate: prefer
  └─ db3  10.91.0.3:3306  replica  9.7.4  ro        lag 0.1s  candidate: never
`.slice(1),
    );
  });

  it('says what is wrong, what is done about it, and which step runs', () => {
    const [cluster] = testStatus().clusters;
    if (cluster === undefined) throw new Error('no cluster');
    const started = '2026-01-10T11:59:58.600Z';
    const status = testStatus({
      quorum: { reachable: 2, voters: 3, has: true },
      reason: 'm1 leads; 2 of 3 managers reachable, m3 is not',
      managers: [
        testManager('m1', { role: 'leader', reachable: true, roundTripMs: null }),
        testManager('m2', { role: 'follower', reachable: true, roundTripMs: 0.4 }),
        testManager('m3', { role: 'unknown', reachable: false, roundTripMs: null }),
      ],
      clusters: [
        {
          ...cluster,
          name: 'orders-eu',
          state: 'failover',
          reason: 'failover from db1 to db2, epoch 5: step catch-up',
          operation: testOperation({ phase: 'running', step: 'catch-up', epoch: 5, startedAt: started, endedAt: null }),
          lastOperation: null,
          servers: [
            testServer('db3'),
            testServer('db1', {
              role: 'primary',
              reachable: false,
              lagMs: null,
              version: null,
              problems: ['refused: nothing listens there'],
            }),
          ],
        },
      ],
    });
    expect(renderStatus(status, testNowMs, plain)).toBe(
      `
managers   m1 leader (term 7)   m2 follower 0.4ms   m3 unreachable        quorum 2/3
           m1 leads; 2 of 3 managers reachable, m3 is not (seen from m1)
orders-eu  failover · async
           failover from db1 to db2, epoch 5: step catch-up
           failover op-1  db1 -> db2  epoch 5  running at catch-up  since 1.40s
  db1     10.91.0.1:3306  primary  -          lag -     ! refused: nothing listens there
  └─ db3  10.91.0.3:3306  replica  9.7.4  ro  lag 0.0s
`.slice(1),
    );
  });

  it('says that it acts on nothing without a quorum', () => {
    const reason = 'no quorum: only m3 of m1, m2, m3 is reachable; it acts on nothing until a majority is back';
    const text = renderStatus(
      testStatus({
        manager: 'm3',
        leader: null,
        quorum: { reachable: 1, voters: 3, has: false },
        reason,
        managers: [
          testManager('m1', { role: 'unknown', reachable: false, roundTripMs: null }),
          testManager('m2', { role: 'unknown', reachable: false, roundTripMs: null }),
          testManager('m3', { role: 'candidate', reachable: true, roundTripMs: null }),
        ],
        clusters: [],
      }),
      testNowMs,
      plain,
    );
    expect(text).toBe(
      `
managers  m1 unreachable   m2 unreachable   m3 candidate   no leader (term 7)        no quorum 1/3
          ${reason} (seen from m3)
`.slice(1),
    );
  });

  it('says what to do without a cluster', () => {
    expect(renderStatus(testStatus({ clusters: [] }), testNowMs, plain)).toContain(
      '\nno cluster is configured: `hactl apply clusters.yaml` does that\n',
    );
  });

  it('shows learners and what stands out of each manager, four to a line', () => {
    const status = testStatus({
      clusters: [],
      reason: 'm1 leads; 4 of 4 managers reachable; the learner m5 is not',
      quorum: { reachable: 4, voters: 4, has: true },
      managers: [
        ...testStatus().managers,
        testManager('m4', { problems: ['stuck: it answers, but its log does not grow', 'its disk is almost full'] }),
        testManager('m5', { part: 'learner', reachable: false, problems: ['will vote once it has caught up'] }),
        testManager('m6', { part: 'learner' }),
      ],
    });
    expect(renderStatus(status, testNowMs, plain)).toBe(
      `
managers  m1 leader (term 7)   m2 follower 0.4ms   m3 follower 0.5ms   m4 follower 0.4ms
          learner m5 unreachable   m6 learner 0.4ms        quorum 4/4
          m1 leads; 4 of 4 managers reachable; the learner m5 is not (seen from m1)
          ! m4: stuck: it answers, but its log does not grow; its disk is almost full
          ! m5: will vote once it has caught up
no cluster is configured: \`hactl apply clusters.yaml\` does that
`.slice(1),
    );
  });

  it('has colours on a terminal only, and not with NO_COLOR', () => {
    const painted = renderStatus(testStatus(), testNowMs, paintFor({ env: {}, outIsTty: true }));
    expect(painted).toContain('\u001b[32mhealthy\u001b[0m');
    expect(painted.replace(/\u001b\[\d+m/g, '')).toBe(renderStatus(testStatus(), testNowMs, plain));
    for (const terminal of [
      { env: { NO_COLOR: '1' }, outIsTty: true },
      { env: {}, outIsTty: false },
    ]) {
      expect(renderStatus(testStatus(), testNowMs, paintFor(terminal))).not.toContain('\u001b');
    }
  });
});

describe('operations and errors as text', () => {
  it('lists history in columns', () => {
    const failed = testOperation({ id: 'op-2', phase: 'rolled-back', kind: 'switchover', reason: 'took too long' });
    expect(renderHistory([failed, testOperation()], plain)).toBe(
      `
started               cluster  kind        primary     outcome      took   operation
2026-01-07 11:59:58Z  app1     switchover  db1 -> db2  rolled-back  1.25s  op-2       took too long
2026-01-07 11:59:58Z  app1     failover    db1 -> db2  done         1.25s  op-1
`.slice(1),
    );
    expect(renderHistory([], plain)).toBe('no operation has been recorded yet\n');
  });

  it('shows every step of one operation', () => {
    const steps = [testStep('fence'), testStep('promote', { by: 'm2', epoch: 5, finishedAt: null, durationMs: null })];
    const text = renderOperation(testOperation({ phase: 'running', endedAt: null, epochs: [4, 5], steps }), plain);
    expect(text).toBe(
      `
failover op-1 of app1: running
  primary   db1 -> db2
  started   2026-01-07 11:59:58Z by m1
  took      -
  epochs    4, 5
steps
  fence    35ms     epoch 4  m1  fence went well
  promote  running  epoch 5  m2  promote went well
`.slice(1),
    );
  });

  it('says what, why, which findings, and what to do next', () => {
    const error = { code: 'refused', what: 'not now', why: 'db2 lags', next: 'wait', details: ['a', 'b'] } as const;
    expect(renderError(error, plain)).toBe('error: not now\n  why:  db2 lags\n  - a\n  - b\n  next: wait\n');
    expect(renderError({ code: 'internal', what: 'broken' }, plain)).toBe('error: broken\n');
  });

  it('tells spans in the unit that fits', () => {
    const before = (ms: number): string => ago(new Date(testNowMs - ms).toISOString(), testNowMs);
    expect([0, 59_000, 60_000, 7_200_000, 200_000_000].map(before)).toEqual([
      '0s ago',
      '59s ago',
      '1m ago',
      '2h ago',
      '2d ago',
    ]);
    expect([35, 1250, 125_000].map(exactSpan)).toEqual(['35ms', '1.25s', '2m 5s']);
  });
});
