import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ManagersLink } from './managers-link.js';
import { createManagersLink, parseUrls, readToken } from './managers-link.js';
import { fakeTerminal } from './test-parts.js';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const stops: (() => Promise<unknown>)[] = [];

async function manager(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json =
  (status: number, value: unknown): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };

const failing = (status: number, code: string, what = code): Answer => json(status, { error: { code, what } });

/** Nobody listens there (any more). */
async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  return url;
}

function link(urls: readonly string[], token: string | null = null): ManagersLink {
  const created = createManagersLink(urls, token, fakeTerminal());
  stops.push(() => created.close());
  return created;
}

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

describe('questions to the managers', () => {
  it('go to the next manager when one is dead, and then stay with the one that answered', async () => {
    const dead = await deadUrl();
    let calls = 0;
    const alive = await manager((...args) => {
      calls += 1;
      json(200, { calls })(...args);
    });
    const managers = link([dead, alive]);
    expect(await managers.get('/status')).toEqual({ calls: 1 });
    expect(await managers.get('/status')).toEqual({ calls: 2 });
  });

  it('prefer an answer that is good over the first one, and take the first one when none is', async () => {
    const isolated = await manager(json(200, { quorum: false }));
    const majority = await manager(json(200, { quorum: true }));
    const isGood = (answer: { quorum: boolean }): boolean => answer.quorum;
    expect(await link([isolated, majority]).get('/status', isGood)).toEqual({ quorum: true });
    expect(await link([await deadUrl(), isolated]).get('/status', isGood)).toEqual({ quorum: false });
    // A second choice, where the first is not to be had.
    const isBest = (): boolean => false;
    expect(await link([isolated, majority]).get('/status', isBest, isGood)).toEqual({ quorum: true });
  });

  it('say of each manager why it could not be reached', async () => {
    const dead = await deadUrl();
    await expect(link([dead]).get('/status')).rejects.toMatchObject({
      code: 'unreachable',
      exitCode: 4,
      details: [`${dead}: connection refused`],
    });
  });

  it('give back the manager\'s own error, and name what is no manager', async () => {
    const knowing = await manager(failing(404, 'not-found', 'no such operation'));
    await expect(link([knowing]).get('/operations/x')).rejects.toMatchObject({ code: 'not-found', exitCode: 5 });
    const other = await manager((_request, response) => response.end('<html>'));
    await expect(link([other]).get('/status')).rejects.toThrow(/not as a manager does/);
    const sly = await manager(failing(500, 'constructor'));
    await expect(link([sly]).get('/status')).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('changes', () => {
  const body = { requestId: 'request-1' };

  it('whose answer was lost are offered to another manager with the same requestId', async () => {
    const seen: string[] = [];
    const dropping = await manager((request, _response, text) => {
      seen.push(text);
      request.socket.destroy();
    });
    const taking = await manager((request, response, text) => {
      seen.push(text);
      json(200, { ok: true })(request, response, text);
    });
    expect(await link([dropping, taking]).post('/apply', body)).toEqual({ ok: true });
    expect(seen).toEqual(['{"requestId":"request-1"}', '{"requestId":"request-1"}']);
  });

  it('wait for a new leader', async () => {
    let calls = 0;
    const electing = await manager((...args) => {
      calls += 1;
      if (calls < 4) failing(503, calls === 1 ? 'not-leader' : 'no-quorum')(...args);
      else json(200, { calls })(...args);
    });
    expect(await link([electing]).post('/apply', body)).toEqual({ calls: 4 });
  });

  it('end with the manager\'s reason when no leader comes', async () => {
    const electing = await manager(failing(503, 'no-quorum'));
    await expect(link([electing]).post('/apply', body)).rejects.toMatchObject({ code: 'no-quorum', exitCode: 4 });
  });

  it('end at once when nobody is there, or when they are refused', async () => {
    await expect(link([await deadUrl()]).post('/apply', body)).rejects.toMatchObject({ code: 'unreachable' });
    let calls = 0;
    const refusing = await manager((...args) => {
      calls += 1;
      failing(409, 'refused')(...args);
    });
    await expect(link([refusing]).post('/apply', body)).rejects.toMatchObject({ code: 'refused', exitCode: 6 });
    expect(calls).toBe(1);
  });

  it('never call a change undone once an answer was lost', async () => {
    const dropping = await manager((request) => request.socket.destroy());
    const behind = await manager(failing(503, 'not-leader'));
    const unknown = { code: 'unknown-outcome', exitCode: 9 };
    await expect(link([dropping, behind]).post('/apply', body)).rejects.toMatchObject(unknown);
    const refusing = await manager(failing(409, 'refused', 'one is running already'));
    await expect(link([dropping, refusing]).post('/apply', body)).rejects.toMatchObject(unknown);
  });

  it('alone carry the token', async () => {
    const seen: (string | undefined)[] = [];
    const url = await manager((request, response, text) => {
      seen.push(request.headers.authorization);
      json(200, {})(request, response, text);
    });
    const managers = link([url], 't0ken');
    await managers.get('/status');
    await managers.post('/apply', body);
    expect(seen).toEqual([undefined, 'Bearer t0ken']);
  });
});

describe('where the managers are', () => {
  it('is a list of URLs or addresses', () => {
    expect(parseUrls('http://a:1, b:2,https://c/')).toEqual(['http://a:1', 'http://b:2', 'https://c']);
    expect(parseUrls(undefined)).toEqual(['http://127.0.0.1:7401']);
    for (const bad of ['ftp://a', 'http://', 'http://a:99999']) expect(() => parseUrls(bad), bad).toThrow(/URL/);
  });

  it('must not carry a password, which is not repeated', () => {
    expect(() => parseUrls('http://me:hunter2@a:1')).toThrow(
      expect.objectContaining({ code: 'bad-request', what: expect.not.stringContaining('hunter2') }),
    );
  });

  it('goes with a token from the environment or a file', () => {
    expect(readToken(fakeTerminal())).toBeNull();
    expect(readToken(fakeTerminal({ env: { HACTL_TOKEN: 'a' } }))).toBe('a');
    const env = { HACTL_TOKEN_FILE: '/token' };
    expect(readToken(fakeTerminal({ env, files: { '/token': 'b\n' } }))).toBe('b');
    expect(() => readToken(fakeTerminal({ env }))).toThrow(expect.objectContaining({ code: 'bad-secret' }));
  });
});
