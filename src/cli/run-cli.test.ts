import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HactlError } from '../base/index.js';
import type { OperationStatus } from '../http/api-types.js';
import type { Daemon } from './daemon.js';
import { runCli } from './run-cli.js';
import type { FakeTerminalOptions } from './test-parts.js';
import { fakeTerminal, testOperation, testStatus, testStep } from './test-parts.js';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** One manager that answers from `routes`; a list is answered in turn, its last entry for ever. */
let routes: Record<string, { readonly status: number; readonly value: unknown }[]>;
let calls: Call[];
let url: string;
let stop: () => Promise<unknown>;
let daemonCalls: string[];

const daemon: Daemon = {
  init: async (config, clusterId) => {
    daemonCalls.push(`init ${config} ${clusterId}`);
    return 'created';
  },
  storeTools: () => Promise.reject(new Error('store-program.test.ts has some')),
  runManager: async (config) => {
    daemonCalls.push(`manager ${config}`);
    throw new HactlError({ code: 'bad-config', what: `${config} is bad`, details: ['id: missing: must be a name'] });
  },
};

beforeEach(async () => {
  routes = {};
  calls = [];
  daemonCalls = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const path = request.url ?? '';
      const method = request.method ?? '';
      calls.push({ method, path, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) });
      const queue = routes[`${method} ${path}`] ?? [];
      const answer = (queue.length > 1 ? queue.shift() : queue[0]) ?? {
        status: 404,
        value: { error: { code: 'not-found', what: `nothing at ${path}` } },
      };
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.value));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
});

afterEach(() => stop());

async function hactl(args: string, options: FakeTerminalOptions = {}) {
  const terminal = fakeTerminal({ ...options, env: { HACTL_URL: url, ...options.env } });
  const exitCode = await runCli(args.split(' ').filter((arg) => arg !== ''), terminal, daemon);
  return { exitCode, out: terminal.stdout.join(''), err: terminal.stderr.join(''), questions: terminal.questions };
}

const ok = (value: unknown) => ({ status: 200, value });

describe('the command line', () => {
  it('shows the status as text and as JSON', async () => {
    routes['GET /status'] = [ok(testStatus())];
    const text = await hactl('status');
    expect(text.exitCode).toBe(0);
    expect(text.out).toMatch(/^managers {2}m1 leader \(term 7\)/);
    const json = await hactl('status --json');
    expect(JSON.parse(json.out)).toEqual(testStatus());
  });

  it('takes --url before and after the verb, and it wins over HACTL_URL', async () => {
    routes['GET /status'] = [ok(testStatus())];
    const env = { HACTL_URL: 'http://127.0.0.1:1' };
    expect((await hactl(`--url ${url} status`, { env })).exitCode).toBe(0);
    expect((await hactl(`status --url http://127.0.0.1:1,${url}`, { env })).exitCode).toBe(0);
  });

  it('prints errors for people on standard error, and as one document with --json', async () => {
    const text = await hactl('show op-9');
    expect([text.exitCode, text.out, text.err]).toEqual([5, '', 'error: nothing at /operations/op-9\n']);
    const json = await hactl('show op-9 --json');
    expect(json.exitCode).toBe(5);
    expect(JSON.parse(json.out)).toEqual({ error: { code: 'not-found', what: 'nothing at /operations/op-9' } });
    expect(json.err).toBe('');
  });

  it('refuses what it does not know with exit code 2', async () => {
    const wrong = ['statsu', 'status --watchh', 'switchover', 'history --limit 0', 'init --config x', '--nothing'];
    for (const args of wrong) {
      const { exitCode, err } = await hactl(args);
      expect([args, exitCode]).toEqual([args, 2]);
      expect(err).toMatch(/^error: /);
    }
    expect((await hactl('statsu')).err).toContain('Did you mean status?');
  });

  it('explains itself, with the exit codes', async () => {
    const help = await hactl('--help');
    expect(help.exitCode).toBe(0);
    expect(help.out).toContain('Exit codes:');
    for (const verb of ['init', 'manager', 'apply', 'status', 'switchover', 'history', 'show']) {
      const { exitCode, out } = await hactl(`${verb} --help`);
      expect([verb, exitCode]).toEqual([verb, 0]);
      expect(out).toContain(`Usage: hactl ${verb}`);
    }
    const none = await hactl('');
    expect([none.exitCode, none.err.includes('Usage: hactl')]).toEqual([2, true]);
  });

  it('gives init and manager to the daemon, and its errors their exit code', async () => {
    const init = await hactl('init --config m.yaml --cluster-id c1');
    expect([init.exitCode, init.out]).toEqual([0, 'created\n']);
    const manager = await hactl('manager --config m.yaml');
    expect(manager.exitCode).toBe(2);
    expect(manager.err).toBe('error: m.yaml is bad\n  - id: missing: must be a name\n');
    expect(daemonCalls).toEqual(['init m.yaml c1', 'manager m.yaml']);
  });

  it('lists history, of one cluster and limited', async () => {
    const operations = [testOperation({ id: 'op-2' }), testOperation()];
    routes['GET /operations?cluster=app1'] = [ok({ operations })];
    const { out } = await hactl('history app1 --limit 1 --json');
    expect(JSON.parse(out)).toEqual({ operations: [operations[0]] });
  });
});

describe('hactl apply', () => {
  const files = { 'clusters.yaml': 'clusters: {}' };
  const answer = { configVersion: 3, dryRun: false, changes: ['cluster app1 is new'] };

  it('shows the plan and asks, then changes', async () => {
    routes['POST /apply'] = [ok(answer)];
    const { exitCode, out, questions } = await hactl('apply clusters.yaml --primary db1', { files, answer: 'y' });
    expect(exitCode).toBe(0);
    expect(questions).toEqual(['apply this? [y/N] ']);
    expect(out).toBe(
      'plan for clusters.yaml:\n  cluster app1 is new\n' +
        'applied clusters.yaml as configuration version 3:\n  cluster app1 is new\n',
    );
    expect(calls.map((call) => call.body)).toEqual([
      { config: 'clusters: {}', primaries: { '': 'db1' }, dryRun: true, requestId: 'request-1' },
      { config: 'clusters: {}', primaries: { '': 'db1' }, dryRun: false, requestId: 'request-2' },
    ]);
  });

  it('does nothing when the answer is no', async () => {
    routes['POST /apply'] = [ok(answer)];
    expect((await hactl('apply clusters.yaml', { files, answer: '' })).exitCode).toBe(6);
    expect(calls.map((call) => call.body['dryRun'])).toEqual([true]);
  });

  it('wants --yes where nobody can be asked, and then asks nobody', async () => {
    routes['POST /apply'] = [ok(answer)];
    const refused = await hactl('apply clusters.yaml', { files });
    expect([refused.exitCode, calls.length]).toEqual([2, 0]);
    expect(refused.err).toContain('--yes');
    const done = await hactl('apply clusters.yaml --primary app1=db1 --yes --json', { files });
    expect(JSON.parse(done.out)).toEqual(answer);
    expect(calls.map((call) => call.body)).toMatchObject([{ dryRun: false, primaries: { app1: 'db1' } }]);
  });

  it('changes nothing with --dry-run', async () => {
    routes['POST /apply'] = [ok(answer)];
    expect((await hactl('apply clusters.yaml --dry-run', { files })).exitCode).toBe(0);
    expect(calls.map((call) => call.body['dryRun'])).toEqual([true]);
  });

  it('prints every problem of a bad file and exits with 2', async () => {
    const error = { code: 'bad-config', what: 'not valid', details: ['a: 1: must be b', 'c: 2: must be d'] };
    routes['POST /apply'] = [{ status: 400, value: { error } }];
    const { exitCode, err } = await hactl('apply clusters.yaml --yes', { files });
    expect([exitCode, err]).toEqual([2, 'error: not valid\n  - a: 1: must be b\n  - c: 2: must be d\n']);
    expect((await hactl('apply no.yaml --yes')).exitCode).toBe(2);
    expect((await hactl('apply clusters.yaml --yes --primary a=b --primary a=c', { files })).exitCode).toBe(2);
  });
});

describe('hactl switchover', () => {
  const path = 'POST /clusters/app1/switchover';
  const plan = { operationId: null, oldPrimary: 'db1', newPrimary: 'db2', refusals: [], plan: ['stop writes'] };
  const started = { ...plan, operationId: 'op-1' };
  const running = (steps: string[]): OperationStatus =>
    testOperation({ kind: 'switchover', phase: 'running', endedAt: null, steps: steps.map((step) => testStep(step)) });
  const ended = (part: Partial<OperationStatus> = {}): OperationStatus =>
    testOperation({ kind: 'switchover', steps: [testStep('check'), testStep('promote')], ...part });

  it('asks with the plan, shows each step once, and ends with the outcome', async () => {
    routes[path] = [ok(plan), ok(started)];
    routes['GET /operations/op-1'] = [
      { status: 404, value: { error: { code: 'not-found', what: 'not applied here yet' } } },
      ok(running(['check'])),
      ok(running(['check'])),
      ok(ended()),
    ];
    const { exitCode, out, questions } = await hactl('switchover app1 --to db2', { answer: 'yes' });
    expect(exitCode).toBe(0);
    expect(questions).toEqual(['switch over now? [y/N] ']);
    expect(out).toBe(
      `
switchover of app1: db1 -> db2
  1. stop writes
switchover op-1 of app1 has begun
  check             35ms  check went well
  promote           35ms  promote went well
done in 1.25s: db2 is the primary of app1
`.slice(1),
    );
    expect(calls[0]?.body).toEqual({ to: 'db2', dryRun: true, requestId: 'request-1' });
  });

  it('shows reasons against it with --dry-run and exits with 6', async () => {
    routes[path] = [ok({ ...plan, refusals: ['db3 lags 90 s'] })];
    const { exitCode, out } = await hactl('switchover app1 --dry-run');
    expect([exitCode, out.includes('- db3 lags 90 s')]).toEqual([6, true]);
    const json = await hactl('switchover app1 --dry-run --json');
    expect([json.exitCode, JSON.parse(json.out).refusals]).toEqual([6, ['db3 lags 90 s']]);
    expect((await hactl('switchover app1', { answer: 'y' })).exitCode).toBe(6);
    expect(calls.map((call) => call.body['dryRun'])).toEqual([true, true, true]);
  });

  it('exits with 8 when it was rolled back or is blocked', async () => {
    for (const phase of ['rolled-back', 'blocked'] as const) {
      routes[path] = [ok(started)];
      routes['GET /operations/op-1'] = [ok(ended({ phase, reason: 'the write pause was used up' }))];
      const { exitCode, err } = await hactl('switchover app1 --yes');
      expect([exitCode, err.includes('why:  the write pause was used up')]).toEqual([8, true]);
    }
  });

  it('prints one JSON document, with the progress aside', async () => {
    routes[path] = [ok(started)];
    routes['GET /operations/op-1'] = [ok(ended())];
    const { exitCode, out, err } = await hactl('switchover app1 --yes --json');
    expect([exitCode, JSON.parse(out)]).toEqual([0, ended()]);
    expect(err).toContain('promote went well');
  });

  it('says that the end was not seen when the operation cannot be followed', async () => {
    routes[path] = [ok(started)];
    const { exitCode, err } = await hactl('switchover app1 --yes');
    expect([exitCode, err.includes('hactl show op-1')]).toEqual([9, true]);
  });
});
