import { describe, expect, it } from 'vitest';
import type { Daemon } from './daemon.js';
import { runCli } from './run-cli.js';
import type { LogDump, RecoveryPlanReport, RecoveryReport, StoreReport, StoreTools } from './store-tools.js';
import { fakeTerminal, type FakeTerminalOptions } from './test-parts.js';

const sound: StoreReport = {
  directory: '/var/lib/hactl', clusterId: 'prod', manager: 'm1', storeId: 'abcd', lineage: null,
  verdict: { kind: 'sound' }, generation: 9, markedGeneration: 9, term: 7, votedFor: 'm2', commitIndex: 11,
  snapshot: null, base: { index: 0, term: 0 },
  first: { index: 1, term: 1, time: '2026-01-10T00:00:00.000Z' },
  last: { index: 12, term: 7, time: '2026-01-10T00:00:01.000Z' },
  entries: 12, bytes: 999, members: { voters: ['m1', 'm2', 'm3'], learners: [], removed: ['m0'] },
};

const plan: RecoveryPlanReport = {
  clusterId: 'prod', manager: 'm1', lineage: null, directory: '/var/lib/hactl', lastTerm: 7, lastIndex: 12,
  lastTime: '2026-01-10T00:00:01.000Z', commitIndex: 11, cutCount: 0, members: ['m1', 'm2', 'm3'],
  clusters: ['app1: primary db1'], isResumed: false, copy: '/var/lib/hactl.before-recover-1',
};

const dump: LogDump = {
  store: sound,
  clusters: ['app1: primary db1'],
  snapshotState: null,
  entries: [
    { index: 1, term: 1, time: '2026-01-10T00:00:00.000Z', kind: 'no-op', words: 'a leader', content: null,
      session: null },
    { index: 2, term: 1, time: '2026-01-10T00:00:00.000Z', kind: 'command', words: 'primary-changed', content: { a: 1 },
      session: { id: 's', serial: 4 } },
  ],
  stopsAt: null,
};

interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly questions: readonly string[];
  readonly calls: readonly unknown[];
}

async function hactl(args: string, answers: Partial<StoreTools> = {}, options: FakeTerminalOptions = {}): Promise<Run> {
  const calls: unknown[] = [];
  const tools: StoreTools = {
    verify: async (target) => {
      calls.push(target);
      return sound;
    },
    dump: async (target, range) => {
      calls.push(target, range);
      return dump;
    },
    recover: async (config, clusterId, agree): Promise<RecoveryReport> => {
      const isAgreed = await agree(plan);
      calls.push(config, clusterId, isAgreed);
      if (!isAgreed) return { outcome: 'declined', plan };
      return { outcome: 'recovered', plan, lineage: '20260110-0a0b', storeId: 'ef01', lastIndex: 13, term: 8 };
    },
    ...answers,
  };
  const daemon: Daemon = { init: async () => '', runManager: async () => undefined, storeTools: async () => tools };
  const terminal = fakeTerminal(options);
  const exitCode = await runCli(args.split(' '), terminal, daemon);
  const { stdout, stderr, questions } = terminal;
  return { exitCode, out: stdout.join(''), err: stderr.join(''), questions, calls };
}

describe('hactl debug', () => {
  it('shows what a store is, with the verdict last', async () => {
    const { out, exitCode, calls } = await hactl('debug verify-store data');
    expect(exitCode).toBe(0);
    expect(calls).toEqual([{ directory: 'data' }]);
    expect(out).toContain('belongs to   manager m1 of prod, store id abcd, lineage none\n');
    expect(out).toContain('members      voters m1 m2 m3; removed m0\n');
    expect(out).toMatch(/verdict {6}sound\n$/);
  });

  it.each([
    [{ kind: 'cut', from: 13, count: 2 }, 0, 'cut: 2 unacknowledged entries, from 13 on'],
    [{ kind: 'refused', why: 'a recovery was begun' }, 6, 'refused: a recovery was begun'],
    [{ kind: 'faulted', why: 'entry 5 has a wrong checksum' }, 3, 'faulted: entry 5 has a wrong checksum'],
  ] as const)('has an exit code for %j', async (verdict, exitCode, text) => {
    const run = await hactl('debug verify-store data', { verify: async () => ({ ...sound, verdict }) });
    expect(run.exitCode).toBe(exitCode);
    expect(run.out).toContain(text);
    const json = await hactl('debug verify-store data --json', { verify: async () => ({ ...sound, verdict }) });
    expect([JSON.parse(json.out), json.exitCode]).toEqual([{ ...sound, verdict }, exitCode]);
  });

  it('prints one line for each entry, and where it stops', async () => {
    const faulted = { ...sound, verdict: { kind: 'faulted', why: 'x' } } as const;
    const stopped = { ...dump, store: faulted, stopsAt: 'entry 3 is missing' };
    const { out, exitCode } = await hactl('debug dump-log data', { dump: async () => stopped });
    expect(exitCode).toBe(3);
    expect(out).toMatch(/2 {6}1 {5}2026-01-10T00:00:00.000Z {2}command {2}primary-changed {2}\[s 4\]\n/);
    expect(out).toMatch(/here it stops: entry 3 is missing\n$/);
    expect(out).toContain('  app1: primary db1\n');
  });

  it('takes a range, the snapshot, and a manager.yaml', async () => {
    const { calls, out } = await hactl('debug dump-log --config m.yaml --from 2 --to 9 --snapshot --json');
    expect(calls).toEqual([{ config: 'm.yaml' }, { from: 2, to: 9, snapshot: true }]);
    expect(JSON.parse(out)).toEqual(dump);
  });

  it.each(['debug verify-store', 'debug dump-log data --config m.yaml', 'debug dump-log data --from 0'])(
    'does not guess: %s',
    async (args) => expect(await hactl(args)).toMatchObject({ exitCode: 2, calls: [] }),
  );
});

describe('hactl managers recover', () => {
  const args = 'managers recover --config m.yaml --cluster-id prod';

  it('says what it may cost before it asks, and goes on when the cluster id is typed', async () => {
    const { out, exitCode, questions, calls } = await hactl(args, {}, { answer: 'prod ' });
    expect(exitCode).toBe(0);
    expect(questions).toEqual(['to go on, type the cluster id: ']);
    expect(calls).toEqual(['m.yaml', 'prod', true]);
    expect(out).toContain('last term 7   last index 12');
    expect(out).toContain('what only m2, m3 had acknowledged is gone');
    expect(out).toContain('--join --lineage 20260110-0a0b');
  });

  it.each(['y', 'yes', 'Prod', ''])('changes nothing for the answer %j', async (answer) => {
    const { exitCode, err, calls } = await hactl(args, {}, { answer });
    expect([exitCode, calls.at(-1)]).toEqual([6, false]);
    expect(err).toContain('nothing was changed');
  });

  it('needs --yes where nobody can be asked', async () => {
    expect(await hactl(args)).toMatchObject({ exitCode: 2, calls: [] });
    const { exitCode, out, questions } = await hactl(`${args} --yes --json`);
    expect([exitCode, questions]).toEqual([0, []]);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'recovered', lineage: '20260110-0a0b', plan });
  });

  it('only tells with --dry-run', async () => {
    const { exitCode, out, calls } = await hactl(`${args} --dry-run`);
    expect([exitCode, calls.at(-1)]).toEqual([0, false]);
    expect(out).toContain('last term 7   last index 12');
    expect(out).not.toContain('next:');
  });

  it('has nothing to do the second time', async () => {
    const again = { ...plan, lineage: 'L' };
    const { exitCode, out } = await hactl(`${args} --yes`, {
      recover: async () => ({ outcome: 'nothing-to-do', plan: again }),
    });
    expect([exitCode, out]).toEqual([0, 'nothing to do: m1 is the only voter already, of lineage L\n']);
  });
});
