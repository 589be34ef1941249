import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { request } from 'undici';
import { HactlError, Secret } from '../base/index.js';
import { createHttpServer } from './index.js';
import type {
  AddManagerRequest,
  ApplyRequest,
  HttpServer,
  LeaderAnswer,
  ManagerBackend,
  ManagerChangeResponse,
  ManagersResponse,
  OperationStatus,
  PrimaryAnswer,
  RemoveManagerRequest,
  StatusResponse,
  SwitchoverRequest,
  TransferRequest,
} from './index.js';

const status = {
  manager: 'm1',
  reason: 'no quorum: only m1 of m1, m2, m3 is reachable; it acts on nothing until a majority is back',
  clusters: [{ name: 'app1', servers: [{ name: 'db1' }, { name: 'db2' }] }],
} as unknown as StatusResponse;

const named: PrimaryAnswer = {
  kind: 'primary',
  primary: { cluster: 'app1', primary: 'db1', host: '10.0.0.1', port: 3306, epoch: 3 },
};

/** A manager that answers what the test sets, and notes the changes that reach it. */
class FakeBackend implements ManagerBackend {
  leaderAnswer: LeaderAnswer = { isLeader: true, leader: 'm1', leaderUrl: null };
  primaryAnswer: PrimaryAnswer = named;
  fault: unknown = null;
  readonly applied: ApplyRequest[] = [];
  readonly managersChanged: [string, object][] = [];
  readonly switched: (SwitchoverRequest & { readonly cluster: string })[] = [];

  status(): StatusResponse {
    return status;
  }
  leader(): LeaderAnswer {
    return this.leaderAnswer;
  }
  primaryOf(cluster: string): PrimaryAnswer {
    return cluster === 'app1' ? this.primaryAnswer : { kind: 'no-such-cluster' };
  }
  operations(cluster: string | null): readonly OperationStatus[] {
    return [{ id: 'op1', cluster: cluster ?? 'all' } as OperationStatus];
  }
  operation(id: string): OperationStatus | null {
    return id === 'op1' ? ({ id } as OperationStatus) : null;
  }
  async apply(body: ApplyRequest) {
    if (this.fault !== null) throw this.fault;
    this.applied.push(body);
    return { configVersion: 2, dryRun: body.dryRun, changes: ['cluster app1 is new'] };
  }
  async switchover(cluster: string, body: SwitchoverRequest) {
    if (this.fault !== null) throw this.fault;
    this.switched.push({ ...body, cluster });
    return { operationId: 'op1', oldPrimary: 'db1', newPrimary: 'db2', refusals: [], plan: [] };
  }
  managers() {
    return { manager: 'm1', leader: 'm1' } as ManagersResponse;
  }
  addManager(body: AddManagerRequest) {
    return this.#changed('add', body);
  }
  removeManager(id: string, body: RemoveManagerRequest) {
    return this.#changed(`remove ${id}`, body);
  }
  transferLeadership(body: TransferRequest) {
    return this.#changed('transfer', body);
  }
  async #changed(what: string, body: object) {
    if (this.fault !== null) throw this.fault;
    this.managersChanged.push([what, body]);
    return { outcome: 'changed', sentence: what } as ManagerChangeResponse;
  }
}

const addBody = { id: 'm4', rpc: 'h4:7400', http: 'h4:7401', learner: false, replaces: null, dryRun: false };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const applyBody = { config: 'clusters: {}', primaries: {}, dryRun: false, requestId: 'request-1' };
const switchoverBody = { to: 'db2', dryRun: false, requestId: 'request-2' };

describe('the HTTP server of a manager', () => {
  let backend: FakeBackend;
  let server: HttpServer;
  const stops: (() => Promise<unknown>)[] = [];
  const logged: unknown[] = [];

  async function serve(options: { token?: string; backend?: ManagerBackend; forwardTotalMs?: number } = {}) {
    const created = createHttpServer({
      listen: { host: '127.0.0.1', port: 0 },
      backend: options.backend ?? backend,
      token: options.token === undefined ? null : new Secret(options.token),
      log: { error: (...line) => logged.push(line) },
      ...(options.forwardTotalMs === undefined ? {} : { forwardTotalMs: options.forwardTotalMs }),
    });
    await created.start();
    stops.push(() => created.stop());
    return created;
  }

  const urlOf = (of: HttpServer): string => `http://127.0.0.1:${of.address()?.port}`;

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, of = server) {
    const response = await request(`${urlOf(of)}${path}`, {
      method: method as 'GET',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, body: text === '' ? null : (JSON.parse(text) as unknown) } as Answer;
  }

  const errorOf = (answer: Answer) => (answer.body as { error: { code: string; what: string; why?: string } }).error;

  beforeEach(async () => {
    backend = new FakeBackend();
    logged.length = 0;
    server = await serve();
  });

  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });

  it('is alive whenever it answers', async () => {
    expect(await call('GET', '/livez')).toEqual({ status: 200, body: { alive: true } });
  });

  it('says on /leader whether it leads, and who does otherwise', async () => {
    expect(await call('GET', '/leader')).toEqual({ status: 200, body: { leader: 'm1' } });
    backend.leaderAnswer = { isLeader: false, leader: 'm2', leaderUrl: 'http://127.0.0.1:1' };
    const answer = await call('GET', '/leader');
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ leader: 'm2', error: { code: 'not-leader', why: 'the leader is m2' } });
  });

  it('names the primary with 200, hides it with 503 and a reason, and knows no other cluster', async () => {
    expect(await call('GET', '/clusters/app1/primary')).toEqual({ status: 200, body: named.primary });
    expect(await call('GET', '/clusters/app1/master')).toEqual({ status: 200, body: named.primary });
    backend.primaryAnswer = { kind: 'hidden', reason: 'm1 has not heard from the leader for 700 ms' };
    const answer = await call('GET', '/clusters/app1/primary');
    expect(answer.status).toBe(503);
    expect(errorOf(answer).why).toBe('m1 has not heard from the leader for 700 ms');
    expect((await call('GET', '/clusters/other/primary')).status).toBe(404);
  });

  it('answers 200 for the primary alone, 503 for the other servers and for all while it is hidden', async () => {
    for (const role of ['primary', 'master']) {
      expect((await call('GET', `/clusters/app1/servers/db1/${role}`)).status).toBe(200);
      const other = await call('GET', `/clusters/app1/servers/db2/${role}`);
      expect([other.status, errorOf(other).why]).toEqual([503, 'the primary is db1']);
      expect((await call('GET', `/clusters/app1/servers/db9/${role}`)).status).toBe(404);
      expect((await call('GET', `/clusters/app9/servers/db1/${role}`)).status).toBe(404);
    }
    backend.primaryAnswer = { kind: 'hidden', reason: 'a failover is running' };
    expect((await call('GET', '/clusters/app1/servers/db1/primary')).status).toBe(503);
    expect((await call('GET', '/clusters/app1/servers/db9/primary')).status).toBe(404);
  });

  it('takes HEAD and OPTIONS from load balancers with the same status', async () => {
    for (const method of ['HEAD', 'OPTIONS']) {
      expect((await call(method, '/clusters/app1/servers/db1/primary')).status, method).toBe(200);
      expect((await call(method, '/clusters/app1/servers/db2/primary')).status, method).toBe(503);
      expect((await call(method, '/livez')).status, method).toBe(200);
    }
  });

  it('shows status and operations', async () => {
    expect(await call('GET', '/status')).toEqual({ status: 200, body: status });
    const ofCluster = await call('GET', '/operations?cluster=app1');
    expect(ofCluster.body).toEqual({ operations: [{ id: 'op1', cluster: 'app1' }] });
    expect((await call('GET', '/operations')).body).toEqual({ operations: [{ id: 'op1', cluster: 'all' }] });
    expect((await call('GET', '/operations/op1')).body).toEqual({ id: 'op1' });
    expect(errorOf(await call('GET', '/operations/op2')).code).toBe('not-found');
    expect(errorOf(await call('GET', '/nothing?token=x'))).toEqual({
      code: 'not-found',
      what: 'there is nothing at GET /nothing',
    });
  });

  it('runs changes from loopback without a token', async () => {
    expect((await call('POST', '/apply', applyBody)).status).toBe(200);
    expect((await call('POST', '/clusters/app1/switchover', switchoverBody)).status).toBe(200);
    expect(backend.applied).toEqual([applyBody]);
    expect(backend.switched).toEqual([{ ...switchoverBody, cluster: 'app1' }]);
  });

  it('lists the managers, and changes who they are and who leads', async () => {
    expect((await call('GET', '/managers')).body).toEqual({ manager: 'm1', leader: 'm1' });
    const added = await call('POST', '/managers', addBody);
    expect(added).toEqual({ status: 200, body: { outcome: 'changed', sentence: 'add' } });
    const removal = { force: false, dryRun: true };
    await call('POST', '/managers/m3/remove', removal);
    const transfer = { to: 'm2', from: null, dryRun: false };
    await call('POST', '/managers/transfer', transfer);
    expect(backend.managersChanged).toEqual([['add', addBody], ['remove m3', removal], ['transfer', transfer]]);
  });

  it('takes no change of the managers without the token, or of another shape', async () => {
    const guarded = await serve({ token: 'right' });
    for (const path of ['/managers', '/managers/m3/remove', '/managers/transfer']) {
      expect((await call('POST', path, addBody, {}, guarded)).status, path).toBe(403);
    }
    for (const rpc of ['m4', 'm4:0', 'm4:70000', 'http://m4:7400', '::1:7400', '']) {
      expect((await call('POST', '/managers', { ...addBody, rpc })).status, rpc).toBe(400);
    }
    expect((await call('POST', '/managers', { ...addBody, replaces: 'm/1' })).status).toBe(400);
    expect((await call('POST', '/managers/m3/remove', { dryRun: false })).status).toBe(400);
    expect((await call('POST', '/managers/transfer', { to: 'm2', dryRun: false })).status).toBe(400);
    expect(backend.managersChanged).toEqual([]);
    expect((await call('POST', '/managers', { ...addBody, rpc: '[::1]:7400' })).status).toBe(200);
  });

  it('refuses changes from a web page when no token protects them', async () => {
    const answer = await call('POST', '/apply', applyBody, { origin: 'http://evil.example' });
    expect([answer.status, errorOf(answer).code]).toEqual([403, 'forbidden']);
    const plain = await call('POST', '/apply', JSON.stringify(applyBody), { 'content-type': 'text/plain' });
    expect(plain.status).toBe(415);
    expect(backend.applied).toEqual([]);
  });

  it('wants the token for changes when there is one, and for nothing else', async () => {
    const guarded = await serve({ token: 'right' });
    const apply = (authorization?: string) =>
      call('POST', '/apply', applyBody, authorization === undefined ? {} : { authorization }, guarded);
    expect(errorOf(await apply()).what).toBe('changes need a token');
    expect(errorOf(await apply('Bearer wrong')).what).toBe('the token is wrong');
    expect(errorOf(await apply('Basic right')).what).toBe('changes need a token');
    expect(backend.applied).toEqual([]);
    expect((await apply('Bearer right')).status).toBe(200);
    expect((await call('GET', '/status', undefined, {}, guarded)).status).toBe(200);
  });

  it('refuses bodies of another shape with the path of what is wrong', async () => {
    const answer = await call('POST', '/apply', { ...applyBody, dryrun: true, requestId: 'x' });
    expect(answer.status).toBe(400);
    const { details } = errorOf(answer) as unknown as { details: string[] };
    expect(details).toEqual([
      'requestId: must be 8 to 40 letters, digits, "_" or "-"',
      expect.stringContaining('"dryrun"'),
    ]);
    expect((await call('POST', '/apply', '{')).status).toBe(400);
    expect((await call('POST', '/apply', { ...applyBody, config: 'x'.repeat(1024 * 1024) })).status).toBe(413);
    expect((await call('POST', '/apply', { ...applyBody, primaries: { '': 'db1', app1: 'db1' } })).status).toBe(200);
  });

  it('gives each error of the manager its status, and keeps unexpected ones to the log', async () => {
    backend.fault = new HactlError({ code: 'refused', what: 'not now', details: ['db2 lags'] });
    const refused = await call('POST', '/clusters/app1/switchover', switchoverBody);
    expect(refused.status).toBe(409);
    expect(refused.body).toEqual({ error: { code: 'refused', what: 'not now', details: ['db2 lags'] } });
    backend.fault = new Error('password=hunter2');
    const broken = await call('POST', '/apply', applyBody);
    expect([broken.status, errorOf(broken).code]).toEqual([500, 'internal']);
    expect(JSON.stringify(broken)).not.toContain('hunter2');
    expect(JSON.stringify(logged)).toContain('hunter2');
  });

  it('says that it cannot listen when the port is taken', async () => {
    const taken = createHttpServer({
      listen: { host: '127.0.0.1', port: server.address()?.port ?? 0 },
      backend,
      token: null,
      log: { error: () => {} },
    });
    const why = expect.stringContaining('EADDRINUSE');
    await expect(taken.start()).rejects.toMatchObject({ code: 'bad-config', why });
    await taken.stop();
  });

  describe('on a follower', () => {
    let follower: FakeBackend;

    const followerOf = (leaderUrl: string | null): FakeBackend => {
      follower = new FakeBackend();
      follower.leaderAnswer = { isLeader: false, leader: leaderUrl === null ? null : 'm1', leaderUrl };
      return follower;
    };

    async function rawServer(onData: (socket: import('node:net').Socket) => void): Promise<string> {
      const raw: Server = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => onData(socket));
        stops.push(async () => socket.destroy());
      });
      await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
      stops.push(() => new Promise((resolve) => raw.close(resolve)));
      const bound = raw.address();
      return `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
    }

    it('forwards changes to the leader with the caller\'s own token', async () => {
      const leader = await serve({ token: 'right' });
      const other = await serve({ token: 'right', backend: followerOf(urlOf(leader)) });
      const headers = { authorization: 'Bearer right' };
      const answer = await call('POST', '/clusters/app1/switchover', switchoverBody, headers, other);
      expect(answer).toMatchObject({ status: 200, body: { operationId: 'op1' } });
      expect(backend.switched).toEqual([{ ...switchoverBody, cluster: 'app1' }]);
      backend.fault = new HactlError({ code: 'refused', what: 'not now' });
      expect((await call('POST', '/apply', applyBody, headers, other)).status).toBe(409);
      expect(follower.applied).toEqual([]);
    });

    it('forwards changes of the managers too', async () => {
      const leader = await serve();
      const other = await serve({ backend: followerOf(urlOf(leader)) });
      await call('POST', '/managers', addBody, {}, other);
      await call('POST', '/managers/m3/remove', { force: true, dryRun: false }, {}, other);
      await call('POST', '/managers/transfer', { to: null, from: 'm1', dryRun: false }, {}, other);
      expect(backend.managersChanged.map(([what]) => what)).toEqual(['add', 'remove m3', 'transfer']);
      expect(follower.managersChanged).toEqual([]);
    });

    it('never leads the token to an address that the request names', async () => {
      const seen: string[] = [];
      const stranger = await rawServer((socket) => {
        seen.push('called');
        socket.destroy();
      });
      const leader = await serve({ token: 'right' });
      const other = await serve({ token: 'right', backend: followerOf(urlOf(leader)) });
      const body = JSON.stringify(applyBody);
      const head = [
        `POST ${stranger}/apply HTTP/1.1`,
        'host: x',
        'authorization: Bearer right',
        'content-type: application/json',
        `content-length: ${body.length}`,
        'connection: close',
      ];
      const answer = await new Promise<string>((resolve, reject) => {
        let text = '';
        const socket = connect(other.address()?.port ?? 0, '127.0.0.1', () => {
          socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
        });
        socket.on('data', (chunk) => (text += chunk.toString()));
        socket.on('end', () => resolve(text));
        socket.on('error', reject);
      });
      expect(answer).toMatch(/^HTTP\/1.1 (200|404)/);
      expect(seen).toEqual([]);
    });

    it('forwards one hop only', async () => {
      const second = await serve({ backend: followerOf('http://127.0.0.1:1') });
      const first = await serve({ backend: followerOf(urlOf(second)) });
      const answer = await call('POST', '/apply', applyBody, {}, first);
      expect([answer.status, errorOf(answer).code]).toEqual([503, 'not-leader']);
    });

    it('says no-quorum when there is no leader', async () => {
      const other = await serve({ backend: followerOf(null) });
      const answer = await call('POST', '/apply', applyBody, {}, other);
      expect([answer.status, errorOf(answer).code]).toEqual([503, 'no-quorum']);
      expect(errorOf(answer).why).toBe(status.reason);
    });

    it('says unreachable when nothing was sent', async () => {
      const gone = await serve();
      const url = urlOf(gone);
      await gone.stop();
      const other = await serve({ backend: followerOf(url) });
      const answer = await call('POST', '/apply', applyBody, {}, other);
      expect([answer.status, errorOf(answer).code]).toEqual([503, 'unreachable']);
    });

    it('says unknown-outcome when the connection is lost after sending, or no answer comes in time', async () => {
      const dropping = await rawServer((socket) => socket.destroy());
      const silent = await rawServer(() => {});
      for (const url of [dropping, silent]) {
        const other = await serve({ backend: followerOf(url), forwardTotalMs: 200 });
        const answer = await call('POST', '/apply', applyBody, {}, other);
        expect([answer.status, errorOf(answer).code]).toEqual([504, 'unknown-outcome']);
      }
    });
  });
});
