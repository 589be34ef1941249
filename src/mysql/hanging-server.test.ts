/** Probers and action sessions on a server that logs us in and then hangs, or throws us out. */
import { afterEach, describe, expect, it } from 'vitest';
import { ActionError, Secret, serverName, type ProbeOutcome } from '../base/index.js';
import { openActionSession } from './action-session.js';
import { limits } from './limits.js';
import { createProber, type Prober } from './probe.js';
import { serverRow, startOddServer, type OddServer } from './test-parts.js';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function serve(): Promise<OddServer> {
  const server = await startOddServer({ server_uuid: serverRow });
  ends.push(() => server.stop());
  return server;
}

interface Report {
  readonly outcome: ProbeOutcome;
  readonly misses: number;
  readonly atMs: number;
}

interface Watching {
  readonly prober: Prober;
  readonly reports: readonly Report[];
  /** The first report from now on for which it holds. */
  next(isWanted: (report: Report) => boolean): Promise<Report>;
}

function watch(server: OddServer, intervalMs: number, timeoutMs = 100): Watching {
  const reports: Report[] = [];
  const waiting = new Set<(report: Report) => void>();
  const prober = createProber({
    address: server.address, user: 'u', password: () => new Secret('p'), intervalMs, timeoutMs,
    onOutcome: (outcome, misses) => {
      const report = { outcome, misses, atMs: performance.now() };
      reports.push(report);
      for (const hear of [...waiting]) hear(report);
    },
  });
  ends.push(() => prober.stop());
  return {
    prober,
    reports,
    next: (isWanted) => new Promise((resolve) => {
      const hear = (report: Report): void => {
        if (!isWanted(report)) return;
        waiting.delete(hear);
        resolve(report);
      };
      waiting.add(hear);
    }),
  };
}

const endedAs = (kind: ProbeOutcome['kind']) => (report: Report): boolean => report.outcome.kind === kind;
const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a prober on a server whose statements hang', () => {
  it.each(['SHOW REPLICA STATUS', 'SET NAMES'])('opens ever fewer sessions and reports on: %s', async (word) => {
    const server = await serve();
    server.hangOn(word);
    const { reports } = watch(server, 50);
    await passed(2600);
    // Pauses of 250, 500 and 1000 ms, with up to 100 ms of waiting in between; the next would come after 2000 ms.
    expect(server.loginsAtMs.length).toBeGreaterThanOrEqual(3);
    expect(server.loginsAtMs.length).toBeLessThanOrEqual(4);
    expect(reports.length).toBeGreaterThan(15);
    expect(reports.every(endedAs('hung'))).toBe(true);
    expect(reports.at(-1)?.misses).toBe(reports.length);
  });

  it('lets only a few confirming probes hang as well', async () => {
    const server = await serve();
    server.hangOn('SHOW REPLICA STATUS');
    const { prober, next } = watch(server, 10_000);
    await next(endedAs('hung'));
    for (let times = 0; times < 8; times += 1) expect((await prober.probeNow()).kind).toBe('hung');
    expect(server.loginsAtMs.length).toBe(1 + limits.confirmingHangsMax);
  });

  it.each(['SHOW REPLICA STATUS', 'SET NAMES'])('hears the late answer on the session that hung: %s', async (word) => {
    const server = await serve();
    server.hangOn(word);
    const { next } = watch(server, 10_000);
    await next(endedAs('hung'));
    const answered = next(endedAs('ok'));
    server.answerAll();
    expect(await answered).toMatchObject({ misses: 0 });
    expect(server.loginsAtMs.length).toBe(1);
  });

  it('hears at once that the process which hung is gone, also during a long pause', async () => {
    const server = await serve();
    server.hangOn('SHOW REPLICA STATUS');
    const { next } = watch(server, 10_000);
    await next(endedAs('hung'));
    await next(({ misses }) => misses >= 1 && server.loginsAtMs.length >= 2);
    const refused = next(endedAs('refused'));
    const goneAtMs = performance.now();
    server.stop();
    expect((await refused).atMs - goneAtMs).toBeLessThan(150);
  });
});

describe('a prober whose session is closed after each answer', () => {
  it('logs in twice per interval at most', async () => {
    const server = await serve();
    server.closeAfter('SHOW REPLICAS');
    const { reports } = watch(server, 300, 500);
    await passed(1000);
    expect(reports.every(endedAs('ok'))).toBe(true);
    expect(server.loginsAtMs.length).toBeGreaterThanOrEqual(4);
    expect(server.loginsAtMs.length).toBeLessThanOrEqual(8);
  });

  it('looks at once when a session is closed that lived a while', async () => {
    const server = await serve();
    const { next } = watch(server, 10_000, 500);
    await next(endedAs('ok'));
    const again = next(endedAs('ok'));
    const closedAtMs = performance.now();
    server.closeAll();
    expect((await again).atMs - closedAtMs).toBeLessThan(150);
  });
});

describe('opening an action session', () => {
  it.each(['sql_log_bin', 'GET_LOCK', 'hactl.fence'])('ends by its time when %s is not answered', async (word) => {
    const server = await startOddServer({ GET_LOCK: { got: '1' } });
    ends.push(() => server.stop());
    server.hangOn(word);
    const begunAtMs = performance.now();
    const thrown = await openActionSession({
      server: serverName('db1'), address: server.address, user: 'u', password: new Secret('p'),
      passwordOf: () => new Secret('p'), withinMs: 300,
      fence: { cluster: 'shop', epoch: 1, operation: 'op-1', manager: 'm1' },
    }).then(() => null, (error: unknown) => error);
    expect(thrown).toBeInstanceOf(ActionError);
    expect((thrown as ActionError).failure).toBe('unknown');
    expect(performance.now() - begunAtMs).toBeLessThan(600);
  });
});
