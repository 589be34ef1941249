import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Daemon, Joining } from './daemon.js';
import { runCli } from './run-cli.js';
import type { FakeTerminalOptions } from './test-parts.js';
import { fakeTerminal, testChange, testManagers, testMember } from './test-parts.js';

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

let url = '';
let stop: () => Promise<void>;
/** Answers by `METHOD path`, in order; the last one for ever. */
let routes: Record<string, Answer[]> = {};
let posts: { readonly path: string; readonly body: unknown }[] = [];
let inits: [string, string, Joining][] = [];

const daemon: Daemon = {
  init: async (...given) => {
    inits.push(given);
    return 'created';
  },
  runManager: () => Promise.resolve(),
  storeTools: () => Promise.reject(new Error('store-program.test.ts has some')),
};

beforeEach(async () => {
  routes = { 'GET /managers': [ok(testManagers())] };
  posts = [];
  inits = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const [path = '', method = ''] = [request.url, request.method];
      if (method === 'POST') posts.push({ path, body: JSON.parse(text) });
      const queue = routes[`${method} ${path}`] ?? [];
      const unknown = { status: 404, value: { error: { code: 'not-found', what: `nothing at ${path}` } } };
      const answer = (queue.length > 1 ? queue.shift() : queue[0]) ?? unknown;
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.value));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stop = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});

afterEach(() => stop());

async function hactl(args: string, options: FakeTerminalOptions = {}) {
  const terminal = fakeTerminal({ ...options, env: { HACTL_URL: url, ...options.env } });
  const exitCode = await runCli(args.split(' '), terminal, daemon);
  return { exitCode, out: terminal.stdout.join(''), err: terminal.stderr.join(''), questions: terminal.questions };
}

const ok = (value: unknown): Answer => ({ status: 200, value });
const addArgs = 'managers add m4 --rpc h4:7400 --http h4:7401';
const withM4 = (part: Parameters<typeof testMember>[1]) =>
  ok(testManagers({ managers: [...testManagers().managers, testMember('m4', part)] }));

describe('hactl managers', () => {
  it('lists, with and without the word', async () => {
    const plain = await hactl('managers');
    expect([plain.exitCode, (await hactl('managers list')).out]).toEqual([0, plain.out]);
    expect(plain.out).toMatch(/^managers of test: m1 leads/);
    expect(JSON.parse((await hactl('managers --json')).out)).toEqual(testManagers());
  });

  it('explains itself, and refuses what it does not know', async () => {
    for (const verb of ['', ' list', ' add', ' remove', ' transfer']) {
      const { exitCode, out } = await hactl(`managers${verb} --help`);
      expect([verb, exitCode, out.includes(`Usage: hactl managers${verb}`)]).toEqual([verb, 0, true]);
    }
    const wrong = ['ad', 'add m4', 'add m4 --rpc h:1', 'remove', 'transfer m2'].map((args) => `managers ${args}`);
    for (const args of wrong) {
      expect([args, (await hactl(args)).exitCode]).toEqual([args, 2]);
    }
  });

  it('adds: plan and risks, a question, then progress until the new one votes', async () => {
    const planned = testChange({ dryRun: true, outcome: 'planned', risks: ['mind this'] });
    routes['POST /managers'] = [ok(planned), ok(testChange())];
    routes['GET /managers'] = [
      ok(testManagers()),
      withM4({ part: 'learner', then: 'vote', reachable: false }),
      withM4({ part: 'learner', then: 'vote', behind: 12 }),
      withM4({}),
    ];
    const { exitCode, out, questions } = await hactl(addArgs, { answer: 'y' });
    expect([exitCode, questions]).toEqual([0, ['add m4? [y/N] ']]);
    const plan = 'add the manager m4:\n  1. add m4\n  2. it votes\nmind:\n  - mind this\n';
    expect(out).toContain(`${plan}m4 is a learner now\n`);
    expect(out).toContain('  m4 votes\n4 voters');
    const body = { id: 'm4', rpc: 'h4:7400', http: 'h4:7401', learner: false, replaces: null };
    expect(posts.map((post) => post.body)).toEqual([{ ...body, dryRun: true }, { ...body, dryRun: false }]);
  });

  it('changes nothing without a yes', async () => {
    routes['POST /managers'] = [ok(testChange({ dryRun: true, outcome: 'planned' }))];
    expect((await hactl(addArgs, { answer: 'n' })).exitCode).toBe(6);
    expect((await hactl(`${addArgs} --dry-run`)).exitCode).toBe(0);
    // Nobody there to be asked: nothing is sent at all.
    expect((await hactl(addArgs)).exitCode).toBe(2);
    expect(posts.map((post) => (post.body as { dryRun: boolean }).dryRun)).toEqual([true, true]);
  });

  it('shows refusals, and asks nothing then', async () => {
    const refused = testChange({
      dryRun: true, outcome: 'planned', sentence: 'm4 cannot be added', plan: [], refusals: ['m4 was removed'],
      next: 'another id',
    });
    routes['POST /managers'] = [ok(refused)];
    const asked = await hactl(addArgs, { answer: 'y' });
    expect([asked.exitCode, asked.questions]).toEqual([6, []]);
    expect(asked.err).toBe('error: m4 cannot be added\n  - m4 was removed\n  next: another id\n');
    const dry = await hactl(`${addArgs} --dry-run --json`);
    expect([dry.exitCode, JSON.parse(dry.out)]).toEqual([6, refused]);
  });

  it('has no question where there is nothing to do', async () => {
    const sentence = 'm4 is a manager already, and votes';
    routes['POST /managers'] = [ok(testChange({ outcome: 'unchanged', sentence, plan: [] }))];
    routes['GET /managers'] = [withM4({})];
    const { exitCode, out, questions } = await hactl(addArgs, { answer: 'y' });
    expect([exitCode, questions]).toEqual([0, []]);
    expect(out).toMatch(/^nothing to do: m4 is a manager already, and votes\n4 voters/);
  });

  it('waits until the replaced one is gone, and the change is committed', async () => {
    routes['POST /managers'] = [ok(testChange())];
    const gone = testManagers({ managers: [testMember('m1'), testMember('m2'), testMember('m4')], removed: ['m3'] });
    routes['GET /managers'] = [withM4({ replaces: 'm3' }), ok({ ...gone, isChanging: true }), ok(gone)];
    const { exitCode, out } = await hactl(`${addArgs} --replaces m3 --yes --json`);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({ ...testChange(), managers: gone });
  });

  it('says that it goes on by itself when the new one takes too long', async () => {
    routes['POST /managers'] = [ok(testChange())];
    routes['GET /managers'] = [withM4({ part: 'learner', then: 'vote', reachable: false })];
    const { exitCode, err } = await hactl(`${addArgs} --yes`);
    expect(exitCode).toBe(9);
    expect(err).toContain('error: m4 was added, and does not vote yet\n');
    expect(err).toMatch(/goes on without this program: m4 votes as soon as it has caught up/);
  });

  it('does not wait for a learner that stays one, and sees when one is removed again', async () => {
    routes['POST /managers'] = [ok(testChange())];
    routes['GET /managers'] = [withM4({ part: 'learner', then: 'stay' })];
    expect((await hactl(`${addArgs} --learner --yes`)).exitCode).toBe(0);
    routes['GET /managers'] = [ok(testManagers({ removed: ['m4'] }))];
    const removed = await hactl(`${addArgs} --yes`);
    expect([removed.exitCode, removed.err.includes('removed again')]).toEqual([6, true]);
  });

  it('removes, and asks again by itself when the leader had to hand over first', async () => {
    const moved = { status: 503, value: { error: { code: 'not-leader', what: 'it does not lead any more' } } };
    const done = testChange({ sentence: 'm1 is not a manager any more', risks: ['for ever'] });
    routes['POST /managers/m1/remove'] = [moved, ok(done)];
    const { exitCode, out } = await hactl('managers remove m1 --yes --force');
    expect([exitCode, out]).toEqual([
      0, 'm1 is not a manager any more\n  mind: for ever\n3 voters (m1, m2 and m3), any 1 may fail; m1 leads\n',
    ]);
    expect(posts[1]).toEqual({ path: '/managers/m1/remove', body: { force: true, dryRun: false } });
  });

  it('hands over, knowing who led when it was asked', async () => {
    routes['POST /managers/transfer'] = [ok(testChange({ sentence: 'm2 leads now', leader: 'm2' }))];
    const { exitCode, out } = await hactl('managers transfer --to m2 --yes');
    expect([exitCode, out.startsWith('m2 leads now\n')]).toEqual([0, true]);
    await hactl('managers transfer --dry-run');
    expect(posts.map((post) => post.body)).toEqual([
      { to: 'm2', from: 'm1', dryRun: false }, { to: null, from: 'm1', dryRun: true },
    ]);
  });
});

describe('hactl init', () => {
  it('makes a first voter, or one that joins, of a lineage', async () => {
    await hactl('init --config m.yaml --cluster-id c');
    await hactl('init --config m.yaml --cluster-id c --join --lineage l1');
    expect(inits).toEqual([
      ['m.yaml', 'c', { join: false, lineage: null }],
      ['m.yaml', 'c', { join: true, lineage: 'l1' }],
    ]);
  });
});
